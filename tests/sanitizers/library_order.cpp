// Tells ThreadSanitizer what orders threads inside gRPC, which Debian builds without it: abseil's mutexes,
// and a call's operations, which come after whatever their caller did before and before whatever is done with
// their result.
//
// Linked into every program under TSan. Each function stands before the library's own of the same name, which
// it calls. Nothing is hidden: a race that is not ordered by one of these is still reported.
#include <absl/synchronization/mutex.h>
#include <dlfcn.h>
#include <grpc/grpc.h>
#include <grpcpp/support/server_callback.h>
#include <sanitizer/tsan_interface.h>

#include <atomic>
#include <cstring>
#include <exception>

namespace {

// The next function of this name and type after ours.
template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

// Of a count that goes down: everything done before by those who held the object comes before its end.
void let_go(void* object) {
  if (!object) return;
  __tsan_release(object);
  __tsan_acquire(object);
}

using Call = grpc::internal::ServerCallbackCall;
using Reactor = grpc::internal::ServerReactor;

// What is outstanding before OnDone: the last member.
void* count_of(Call* call) {
  return reinterpret_cast<char*>(call + 1) - sizeof(std::atomic_int);
}

// Stands for a reactor in its one call of OnCancel, and says when that has returned.
class Cancelled final : public Reactor {
 public:
  Cancelled(Call* call, Reactor* reactor) : call_(call), reactor_(reactor) {}
  void OnCancel() override {
    reactor_->OnCancel();
    __tsan_release(count_of(call_));
    delete this;
  }
  void OnDone() override {}
  bool InternalInlineable() override { return reactor_->InternalInlineable(); }

 private:
  Call* call_;
  Reactor* reactor_;
};

}  // namespace

void exception_ptr_release(void** self) __asm__("_ZNSt15__exception_ptr13exception_ptr10_M_releaseEv");
void end_catch() __asm__("__cxa_end_catch");

void exception_ptr_release(void** self) {
  static const auto real = next<void(void**)>("_ZNSt15__exception_ptr13exception_ptr10_M_releaseEv");
  let_go(*self);
  real(self);
}

void end_catch() {
  static const auto real = next<void()>("__cxa_end_catch");
  {
    const std::exception_ptr caught = std::current_exception();
    static_assert(sizeof caught == sizeof(void*));
    void* object = nullptr;
    std::memcpy(&object, &caught, sizeof object);
    let_go(object);
  }
  real();
}

// A reactor's OnCancel and the count that puts OnDone after it: the former's end is counted inside the
// library.
void call_on_cancel(Call* call, Reactor* reactor) __asm__(
    "_ZN4grpc8internal18ServerCallbackCall12CallOnCancelEPNS0_13ServerReactorE");
void schedule_on_done(Call* call,
                      bool in_line) __asm__("_ZN4grpc8internal18ServerCallbackCall14ScheduleOnDoneEb");

void call_on_cancel(Call* call, Reactor* reactor) {
  static const auto real = next<void(Call*, Reactor*)>(
      "_ZN4grpc8internal18ServerCallbackCall12CallOnCancelEPNS0_13ServerReactorE");
  real(call, new Cancelled(call, reactor));
}

void schedule_on_done(Call* call, bool in_line) {
  static const auto real = next<void(Call*, bool)>("_ZN4grpc8internal18ServerCallbackCall14ScheduleOnDoneEb");
  __tsan_acquire(count_of(call));
  real(call, in_line);
}

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  static const auto real = next<void(Mutex*)>("_ZN4absl7debian35Mutex4LockEv");
  real(this);
  __tsan_acquire(this);
}

bool Mutex::TryLock() {
  static const auto real = next<bool(Mutex*)>("_ZN4absl7debian35Mutex7TryLockEv");
  const bool locked = real(this);
  if (locked) __tsan_acquire(this);
  return locked;
}

void Mutex::Unlock() {
  static const auto real = next<void(Mutex*)>("_ZN4absl7debian35Mutex6UnlockEv");
  __tsan_release(this);
  real(this);
}

void CondVar::Wait(Mutex* mutex) {
  static const auto real = next<void(CondVar*, Mutex*)>("_ZN4absl7debian37CondVar4WaitEPNS0_5MutexE");
  __tsan_release(mutex);
  real(this, mutex);
  __tsan_acquire(mutex);
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  static const auto real = next<bool(CondVar*, Mutex*, Duration)>(
      "_ZN4absl7debian37CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE");
  __tsan_release(mutex);
  const bool expired = real(this, mutex, timeout);
  __tsan_acquire(mutex);
  return expired;
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  static const auto real =
      next<bool(CondVar*, Mutex*, Time)>("_ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  __tsan_release(mutex);
  const bool expired = real(this, mutex, deadline);
  __tsan_acquire(mutex);
  return expired;
}

ABSL_NAMESPACE_END
}  // namespace absl

// Of an operation that was asked for, and of a request that gRPC makes when a call comes in.
bool grpc_cq_begin_op(grpc_completion_queue* queue, void* tag) {
  static const auto real =
      next<bool(grpc_completion_queue*, void*)>("_Z16grpc_cq_begin_opP21grpc_completion_queuePv");
  __tsan_release(tag);
  return real(queue, tag);
}

extern "C" {

grpc_event grpc_completion_queue_next(grpc_completion_queue* queue, gpr_timespec deadline, void* reserved) {
  static const auto real = next<decltype(grpc_completion_queue_next)>("grpc_completion_queue_next");
  const grpc_event event = real(queue, deadline, reserved);
  if (event.type == GRPC_OP_COMPLETE) __tsan_acquire(event.tag);
  return event;
}

grpc_event grpc_completion_queue_pluck(grpc_completion_queue* queue, void* tag, gpr_timespec deadline,
                                       void* reserved) {
  static const auto real = next<decltype(grpc_completion_queue_pluck)>("grpc_completion_queue_pluck");
  const grpc_event event = real(queue, tag, deadline, reserved);
  if (event.type == GRPC_OP_COMPLETE) __tsan_acquire(event.tag);
  return event;
}

}  // extern "C"
