module libpcipt/pcipt

go 1.19
