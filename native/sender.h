/* An Outlet for JavaScript. */
#pragma once

#include <napi.h>

namespace genevescope {

/** The class `Sender` of the addon: see src/native.ts, which says what its methods do. */
Napi::Function defineSender(Napi::Env env);

}  // namespace genevescope
