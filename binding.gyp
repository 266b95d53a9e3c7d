{
  "targets": [
    {
      "target_name": "genevescope",
      "sources": [
        "native/binding.cc",
        "native/device.cc",
        "native/errors.cc",
        "native/libpcap.cc",
        "native/listing.cc",
        "native/send.cc",
        "native/sender.cc",
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags_cc": ["-std=c++17", "-fexceptions", "-Wall", "-Wextra"],
      "cflags_cc!": ["-fno-exceptions", "-std=gnu++17"],
      "ldflags": ["-Wl,-z,now"],
      "libraries": ["-ldl"],
    }
  ]
}
