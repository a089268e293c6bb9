EXTRA_DIST += bindings/python/list_devices.py \
	bindings/go/examples/list-devices/go.mod \
	bindings/go/examples/list-devices/list_devices.go
