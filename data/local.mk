pkgconfig_DATA = data/libpcipt.pc
