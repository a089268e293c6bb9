module libpcipt/examples/list-devices

go 1.19
