/* What went wrong, as JavaScript sees it. */
#pragma once

#include <napi.h>

#include "device.h"

namespace genevescope {

/** The name of a fault in src/native.ts. */
const char *nameOf(Fault fault);

/** A failure as an error that names its fault. */
Napi::Error errorOf(Napi::Env env, const Failure &failure);

}  // namespace genevescope
