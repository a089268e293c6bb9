module libpcipt/examples

go 1.19

require libpcipt/pcipt v0.1.0

// Where the package stands: here, in the source tree.
replace libpcipt/pcipt => ../../bindings/go
