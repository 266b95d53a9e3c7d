#include "errors.h"

namespace genevescope {

const char *nameOf(Fault fault) {
  switch (fault) {
    case Fault::permission:
      return "permission";
    case Fault::gone:
      return "gone";
    case Fault::down:
      return "down";
    case Fault::filter:
      return "filter";
    default:
      return "failed";
  }
}

Napi::Error errorOf(Napi::Env env, const Failure &failure) {
  const Napi::Error error = Napi::Error::New(env, failure.text);
  error.Set("fault", Napi::String::New(env, nameOf(failure.fault)));
  return error;
}

}  // namespace genevescope
