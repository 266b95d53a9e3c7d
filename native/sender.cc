/*
 * Frames are copied before they are sent: a script may do with its memory what it likes meanwhile. They are sent on a
 * thread of Node's pool, since a device may keep whoever sends waiting.
 */
#include "sender.h"

#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "errors.h"
#include "send.h"

namespace genevescope {

namespace {

/** Some frames on their way. */
class Sending : public Napi::AsyncWorker {
 public:
  Sending(Napi::Env env, std::shared_ptr<Outlet> outlet, std::unique_ptr<uint8_t[]> bytes,
          std::unique_ptr<uint32_t[]> ends, size_t count)
      : Napi::AsyncWorker(env, "genevescope send"),
        deferred_(Napi::Promise::Deferred::New(env)),
        outlet_(std::move(outlet)),
        bytes_(std::move(bytes)),
        ends_(std::move(ends)),
        count_(count) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override { sent_ = outlet_->send({bytes_.get(), ends_.get(), count_}); }

  void OnOK() override {
    const Napi::Env env = Env();
    Napi::Object answer = Napi::Object::New(env);
    answer["sent"] = static_cast<double>(sent_.sent);
    answer["failed"] = static_cast<double>(sent_.failed);
    const bool isWhole = sent_.failure.fault == Fault::none;
    answer["failure"] = isWhole ? env.Null() : Napi::Value(errorOf(env, sent_.failure).Value());
    deferred_.Resolve(answer);
  }

  void OnError(const Napi::Error &error) override { deferred_.Reject(error.Value()); }

 private:
  const Napi::Promise::Deferred deferred_;
  const std::shared_ptr<Outlet> outlet_;
  const std::unique_ptr<uint8_t[]> bytes_;
  const std::unique_ptr<uint32_t[]> ends_;
  const size_t count_;
  Sent sent_;
};

class Sender : public Napi::ObjectWrap<Sender> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Sender",
                       {
                           InstanceMethod<&Sender::send>("send"),
                           InstanceMethod<&Sender::close>("close"),
                           InstanceAccessor<&Sender::mac>("mac"),
                       });
  }

  explicit Sender(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Sender>(info) {
    const Napi::Env env = info.Env();
    if (!info[0].IsString()) {
      Napi::TypeError::New(env, "the name of a device expected").ThrowAsJavaScriptException();
      return;
    }
    auto outlet = std::make_shared<Outlet>();
    const Failure failure = outlet->open(info[0].As<Napi::String>());
    if (failure.fault != Fault::none) {
      errorOf(env, failure).ThrowAsJavaScriptException();
      return;
    }
    outlet_ = std::move(outlet);
  }

 private:
  Napi::Value send(const Napi::CallbackInfo &info) {
    const Napi::Env env = info.Env();
    if (!isArray(info[0], napi_uint8_array) || !isArray(info[1], napi_uint32_array))
      return refuse(env, "a Uint8Array of frames and a Uint32Array of their ends expected");
    if (outlet_ == nullptr) return refuse(env, "The device is closed");
    const auto bytes = info[0].As<Napi::Uint8Array>();
    const auto ends = info[1].As<Napi::Uint32Array>();
    const size_t size = bytes.ByteLength();
    const size_t count = ends.ElementLength();
    uint32_t start = 0;
    for (size_t i = 0; i < count; i++) {
      if (ends[i] < start || ends[i] > size) return refuse(env, "ends are not offsets in the frames, ascending");
      start = ends[i];
    }
    std::unique_ptr<uint8_t[]> frames(new (std::nothrow) uint8_t[size + 1]);
    std::unique_ptr<uint32_t[]> offsets(new (std::nothrow) uint32_t[count + 1]);
    if (frames == nullptr || offsets == nullptr) return refuse(env, "No memory for frames");
    if (size > 0) memcpy(frames.get(), bytes.Data(), size);
    if (count > 0) memcpy(offsets.get(), ends.Data(), count * sizeof(uint32_t));
    auto *sending = new Sending(env, outlet_, std::move(frames), std::move(offsets), count);
    const Napi::Promise promise = sending->promise();
    sending->Queue();
    return promise;
  }

  Napi::Value mac(const Napi::CallbackInfo &info) {
    if (outlet_ == nullptr) return info.Env().Null();
    std::string text;
    for (int i = 0; i < 6; i++) {
      const char *const digits = "0123456789abcdef";
      const uint8_t byte = outlet_->mac()[i];
      if (i > 0) text += ':';
      text += {digits[byte >> 4], digits[byte & 15]};
    }
    return Napi::String::New(info.Env(), text);
  }

  /** Frames on their way still go out. */
  void close(const Napi::CallbackInfo &) { outlet_.reset(); }

  static bool isArray(const Napi::Value &value, napi_typedarray_type type) {
    return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == type;
  }

  static Napi::Value refuse(Napi::Env env, const char *why) {
    Napi::TypeError::New(env, why).ThrowAsJavaScriptException();
    return {};
  }

  std::shared_ptr<Outlet> outlet_;
};

}  // namespace

Napi::Function defineSender(Napi::Env env) { return Sender::define(env); }

}  // namespace genevescope
