/*
 * A Device for JavaScript. Each has a thread that opens it, fills blocks and closes it, one job after the other;
 * a job's answer comes to the script's thread through a thread-safe function and settles a promise.
 *
 * The blocks belong to the thread's state, which the thread and every ArrayBuffer over them hold: whatever a
 * script keeps, transfers or drops, the memory is there for as long as anybody can write to it or read it.
 */
#include <napi.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "device.h"
#include "errors.h"
#include "libpcap.h"
#include "listing.h"
#include "sender.h"

namespace {

using genevescope::Block;
using genevescope::Counts;
using genevescope::Device;
using genevescope::errorOf;
using genevescope::Failure;
using genevescope::Fault;
using genevescope::Filled;
using genevescope::Options;
using genevescope::Outcome;
using genevescope::RecordHeader;

constexpr size_t kBlocks = 2;

enum class Task { open, read, close };

class Capture;

/** Something for the thread to do, and what has come of it. `capture` is for the script's thread. */
struct Job {
  Capture *capture;
  Task task;
  Napi::Promise::Deferred deferred;
  size_t block = 0;
  Outcome outcome = Outcome::ended;
  Filled filled;
  Failure failure;
};

/** What the thread and the script's side share. */
struct State {
  Options options;
  size_t blockBytes = 0;
  std::mutex mutex;
  std::condition_variable changed;
  /** Under the mutex: */
  std::deque<std::unique_ptr<Job>> jobs;
  bool isOver = false;
  /** Written by the script's thread alone. */
  bool isClosing = false;
  /** Null before `open` is done and after `close`. */
  std::unique_ptr<Device> device;
  /** The last counts of a device that is closed. */
  Counts counts;
  /** Made by `open` before it answers, of `memory`. */
  Block blocks[kBlocks]{};
  std::unique_ptr<uint8_t, decltype(&std::free)> memory{nullptr, &std::free};
  int linkType = 0;
  int snapBytes = 0;
};

/** Settles the promise of a job. Without an environment, which is being torn down, nobody waits for it. */
void settle(Napi::Env env, Napi::Function, std::nullptr_t *, Job *job);

using Answers = Napi::TypedThreadSafeFunction<std::nullptr_t, Job, settle>;

void openDevice(State &state, Job &job) {
  auto device = std::make_unique<Device>();
  job.failure = device->open(state.options);
  if (job.failure.fault != Fault::none) return;
  state.linkType = device->linkType();
  state.snapBytes = device->snapBytes();
  const size_t largest = sizeof(RecordHeader) + static_cast<size_t>(state.snapBytes);
  const size_t size = std::max(state.blockBytes, largest);
  // The system gives pages, all zeros, when they are first written.
  state.memory.reset(static_cast<uint8_t *>(std::calloc(kBlocks, size)));
  if (state.memory == nullptr) {
    job.failure = {Fault::failed, "No memory for blocks of packets"};
    return;
  }
  for (size_t block = 0; block < kBlocks; block++) state.blocks[block] = {state.memory.get() + block * size, size};
  const std::lock_guard lock(state.mutex);
  if (!state.isOver && !state.isClosing) state.device = std::move(device);
}

void closeDevice(State &state) {
  std::unique_ptr<Device> device;
  {
    const std::lock_guard lock(state.mutex);
    if (state.device == nullptr) return;
    state.counts = state.device->counts();
    device = std::move(state.device);
  }
  // Its end takes milliseconds, for which nobody is to wait.
}

/** The thread: does the jobs until it is over. Only this thread changes `device`. */
void work(const std::shared_ptr<State> &state, const Answers &answers) {
  for (bool isOver = false; !isOver;) {
    std::unique_ptr<Job> job;
    {
      std::unique_lock lock(state->mutex);
      state->changed.wait(lock, [&] { return state->isOver || !state->jobs.empty(); });
      if (state->isOver) break;
      job = std::move(state->jobs.front());
      state->jobs.pop_front();
    }
    if (job->task == Task::open) {
      openDevice(*state, *job);
    } else if (job->task == Task::close) {
      closeDevice(*state);
      isOver = true;
    } else if (state->device != nullptr) {
      job->outcome = state->device->fill(state->blocks[job->block], &job->filled, &job->failure);
    }
    if (answers.NonBlockingCall(job.get()) == napi_ok) job.release();
  }
  closeDevice(*state);
}

/** A block as a script sees it: an array over its memory, which it keeps. */
Napi::Value bytesOf(Napi::Env env, const std::shared_ptr<State> &state, const Block &block) {
  auto *keeper = new std::shared_ptr<State>(state);
  const Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(
      env, block.bytes, block.size, [](Napi::Env, void *, std::shared_ptr<State> *kept) { delete kept; }, keeper);
  if (env.IsExceptionPending()) return {};
  return Napi::Uint8Array::New(env, block.size, buffer, 0);
}

/** What a job's promise resolves to. */
Napi::Value resultOf(Napi::Env env, const std::shared_ptr<State> &state, const Job &job) {
  if (job.task == Task::close) return env.Undefined();
  if (job.task == Task::open) {
    Napi::Array blocks = Napi::Array::New(env);
    for (const Block &block : state->blocks) {
      const Napi::Value bytes = bytesOf(env, state, block);
      if (env.IsExceptionPending()) return {};
      blocks.Set(blocks.Length(), bytes);
    }
    Napi::Object opened = Napi::Object::New(env);
    opened["linkType"] = state->linkType;
    opened["snapBytes"] = state->snapBytes;
    opened["blocks"] = blocks;
    return opened;
  }
  switch (job.outcome) {
    case Outcome::packets: {
      Napi::Object filled = Napi::Object::New(env);
      filled["packets"] = static_cast<double>(job.filled.packets);
      filled["bytes"] = static_cast<double>(job.filled.bytes);
      return filled;
    }
    case Outcome::down:
      return Napi::String::New(env, "down");
    case Outcome::up:
      return Napi::String::New(env, "up");
    default:
      return Napi::String::New(env, "ended");
  }
}

/** The class `Device` of the addon: see src/native.ts, which says what its methods do. */
class Capture : public Napi::ObjectWrap<Capture> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Device",
                       {
                           InstanceMethod<&Capture::open>("open"),
                           InstanceMethod<&Capture::read>("read"),
                           InstanceMethod<&Capture::stop>("stop"),
                           InstanceMethod<&Capture::close>("close"),
                           InstanceMethod<&Capture::counts>("counts"),
                           InstanceMethod<&Capture::presence>("presence"),
                       });
  }

  explicit Capture(const Napi::CallbackInfo &info)
      : Napi::ObjectWrap<Capture>(info), state_(std::make_shared<State>()) {
    const Napi::Env env = info.Env();
    if (!info[0].IsObject()) {
      Napi::TypeError::New(env, "options expected").ThrowAsJavaScriptException();
      return;
    }
    const auto given = info[0].As<Napi::Object>();
    Options &options = state_->options;
    options.device = text(given, "device");
    options.filter = text(given, "filter");
    options.snapBytes = integer(given, "snapBytes");
    options.bufferBytes = integer(given, "bufferBytes");
    options.delayMs = integer(given, "delayMs");
    options.promiscuous = isSet(given, "promiscuous");
    state_->blockBytes = static_cast<size_t>(integer(given, "blockBytes"));
    if (env.IsExceptionPending()) return;
    answers_ = Answers::New(env, "genevescope capture", 0, 1, nullptr);
    if (env.IsExceptionPending()) return;
    answers_.Unref(env);
    try {
      thread_ = std::thread(work, state_, answers_);
    } catch (const std::system_error &error) {
      answers_.Release();
      Napi::Error::New(env, error.what()).ThrowAsJavaScriptException();
      return;
    }
    // Registered behind that of `answers_`, it runs before it: the thread never outlives what it answers with.
    napi_add_env_cleanup_hook(env, end, this);
    isRunning_ = true;
  }

  ~Capture() override { release(); }

  /** Ends the thread where it runs, and gives back what it needed. */
  void release() {
    if (!isRunning_) return;
    napi_remove_env_cleanup_hook(Env(), end, this);
    join();
    answers_.Release();
  }

  /** Settles the promise of a job that is done. */
  void settled(Napi::Env env, const Job &job) {
    if (job.failure.fault != Fault::none) {
      job.deferred.Reject(errorOf(env, job.failure).Value());
    } else {
      const Napi::Value result = resultOf(env, state_, job);
      if (env.IsExceptionPending()) job.deferred.Reject(env.GetAndClearPendingException().Value());
      else job.deferred.Resolve(result);
    }
    if (--pending_ == 0) {
      answers_.Unref(env);
      Unref();
    }
    if (job.task == Task::close) release();
  }

 private:
  static std::string text(const Napi::Object &from, const char *name) {
    const Napi::Value value = from.Env().IsExceptionPending() ? Napi::Value() : from.Get(name);
    if (value.IsString()) return value.As<Napi::String>();
    refuse(from.Env(), name, " is no string");
    return {};
  }

  static int integer(const Napi::Object &from, const char *name) {
    const Napi::Value value = from.Env().IsExceptionPending() ? Napi::Value() : from.Get(name);
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0;
    if (number >= 1 && number <= 0x7fffffff) return static_cast<int>(number);
    refuse(from.Env(), name, " is no number from 1 to 2^31 - 1");
    return 1;
  }

  static bool isSet(const Napi::Object &from, const char *name) {
    const Napi::Value value = from.Env().IsExceptionPending() ? Napi::Value() : from.Get(name);
    if (value.IsBoolean()) return value.As<Napi::Boolean>();
    refuse(from.Env(), name, " is no boolean");
    return false;
  }

  static void refuse(Napi::Env env, const char *name, const char *what) {
    if (!env.IsExceptionPending())
      Napi::TypeError::New(env, std::string(name) + what).ThrowAsJavaScriptException();
  }

  /** Has the thread end whatever it does, and waits for that. */
  void join() {
    {
      const std::lock_guard lock(state_->mutex);
      state_->isOver = true;
      if (state_->device != nullptr) state_->device->interrupt();
    }
    state_->changed.notify_one();
    thread_.join();
    isRunning_ = false;
  }

  /** The environment ends, and with it `answers_`. */
  static void end(void *capture) { static_cast<Capture *>(capture)->join(); }

  /** Hands a job to the thread. Until it is done the object stays, and so does the event loop. */
  Napi::Value hand(Napi::Env env, Task task, size_t block = 0) {
    const auto deferred = Napi::Promise::Deferred::New(env);
    const bool isClosed = !isRunning_ || state_->isClosing;
    if (isClosed || (isOpened_ && task == Task::open)) {
      const char *const why = isClosed ? "The device is closed" : "The device was opened before";
      deferred.Reject(Napi::Error::New(env, why).Value());
      return deferred.Promise();
    }
    isOpened_ = isOpened_ || task == Task::open;
    if (pending_++ == 0) {
      answers_.Ref(env);
      Ref();
    }
    auto job = std::make_unique<Job>(Job{this, task, deferred, block, Outcome::ended, {}, {}});
    {
      const std::lock_guard lock(state_->mutex);
      state_->isClosing = task == Task::close;
      if (state_->isClosing && state_->device != nullptr) state_->device->interrupt();
      state_->jobs.push_back(std::move(job));
    }
    state_->changed.notify_one();
    return deferred.Promise();
  }

  Napi::Value open(const Napi::CallbackInfo &info) { return hand(info.Env(), Task::open); }

  Napi::Value read(const Napi::CallbackInfo &info) {
    const double block = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
    if (block == 0 || block == 1) return hand(info.Env(), Task::read, static_cast<size_t>(block));
    Napi::TypeError::New(info.Env(), "block is neither 0 nor 1").ThrowAsJavaScriptException();
    return {};
  }

  Napi::Value close(const Napi::CallbackInfo &info) { return hand(info.Env(), Task::close); }

  void stop(const Napi::CallbackInfo &) {
    const std::lock_guard lock(state_->mutex);
    if (state_->device != nullptr) state_->device->stop();
  }

  Napi::Value counts(const Napi::CallbackInfo &info) {
    Counts counts;
    {
      const std::lock_guard lock(state_->mutex);
      counts = state_->device != nullptr ? state_->device->counts() : state_->counts;
    }
    Napi::Object answer = Napi::Object::New(info.Env());
    answer["received"] = static_cast<double>(counts.received);
    answer["dropped"] = static_cast<double>(counts.dropped);
    answer["droppedByDevice"] = static_cast<double>(counts.droppedByDevice);
    return answer;
  }

  Napi::Value presence(const Napi::CallbackInfo &info) {
    const std::lock_guard lock(state_->mutex);
    const auto presence = state_->device != nullptr ? state_->device->presence() : Device::Presence::gone;
    const char *const words[] = {"up", "down", "gone"};
    return Napi::String::New(info.Env(), words[static_cast<int>(presence)]);
  }

  const std::shared_ptr<State> state_;
  Answers answers_;
  std::thread thread_;
  bool isRunning_ = false;
  /** It is opened once only: scripts look at the blocks that were made then. */
  bool isOpened_ = false;
  /** Jobs that are not settled. */
  size_t pending_ = 0;
};

void settle(Napi::Env env, Napi::Function, std::nullptr_t *, Job *done) {
  const std::unique_ptr<Job> job(done);
  if (env == nullptr) return;
  const Napi::HandleScope scope(env);
  job->capture->settled(env, *job);
}

Napi::Value devices(const Napi::CallbackInfo &info) {
  const Napi::Env env = info.Env();
  std::vector<genevescope::Listed> found;
  const Failure failure = genevescope::listDevices(&found);
  if (failure.fault != Fault::none) {
    errorOf(env, failure).ThrowAsJavaScriptException();
    return {};
  }
  Napi::Array answer = Napi::Array::New(env);
  for (const genevescope::Listed &listed : found) {
    Napi::Array addresses = Napi::Array::New(env);
    for (const std::string &address : listed.addresses) addresses[addresses.Length()] = address;
    Napi::Object device = Napi::Object::New(env);
    device["name"] = listed.name;
    device["up"] = listed.isUp;
    device["running"] = listed.isRunning;
    device["loopback"] = listed.isLoopback;
    device["addresses"] = addresses;
    answer[answer.Length()] = device;
  }
  return answer;
}

Napi::Value permission(const Napi::CallbackInfo &info) {
  const Failure failure = genevescope::checkPermission();
  if (failure.fault == Fault::none) return info.Env().Null();
  return errorOf(info.Env(), failure).Value();
}

Napi::Value checkFilter(const Napi::CallbackInfo &info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString()) {
    Napi::TypeError::New(env, "filter is no string").ThrowAsJavaScriptException();
    return {};
  }
  const Failure failure = genevescope::checkFilter(info[0].As<Napi::String>());
  if (failure.fault == Fault::none) return env.Null();
  return errorOf(env, failure).Value();
}

Napi::Object start(Napi::Env env, Napi::Object exports) {
  const std::string why = genevescope::loadLibpcap();
  if (!why.empty()) {
    Napi::Error::New(env, why).ThrowAsJavaScriptException();
    return exports;
  }
  exports["Device"] = Capture::define(env);
  exports["Sender"] = genevescope::defineSender(env);
  exports["devices"] = Napi::Function::New<devices>(env, "devices");
  exports["permission"] = Napi::Function::New<permission>(env, "permission");
  exports["checkFilter"] = Napi::Function::New<checkFilter>(env, "checkFilter");
  exports["libraryVersion"] = pcap_lib_version();
  return exports;
}

}  // namespace

NODE_API_MODULE(genevescope, start)
