"""Raw media -> arrays: pictures of any kind become float32 (3, H, W) in [0, 1]."""
