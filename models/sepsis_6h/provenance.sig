format = 1
key = "200d6a7dd74dd842"
signature = "vXAaWcmYsNFchkEljdj/mHPTzJvRgHCb/sz4NW1t1kVoyxm2luDANXv44PaIeYcAmI07PiPVDqrf6QBmK3i9BQ=="
