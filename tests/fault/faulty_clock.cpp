// Preloaded into a program: its clock of the day is ahead by the seconds (a 64-bit integer) at the beginning
// of the file that FAULTY_CLOCK names, whatever they are at the moment. Its steady clock is left alone.
//
// The kernel's clock stays, so times of day that the program gives to the kernel to wait for are put back.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

std::int64_t seconds_ahead() {
  static const volatile std::int64_t* const ahead = [] {
    const char* const name = std::getenv("FAULTY_CLOCK");
    const int file = name ? ::open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return static_cast<const volatile std::int64_t*>(nullptr);
    // The descriptor stays open, as the mapping does.
    void* const at = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, file, 0);
    return at == MAP_FAILED ? nullptr : static_cast<const volatile std::int64_t*>(at);
  }();
  return ahead ? *ahead : 0;
}

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

// Times of the steady clock are those since the machine started.
bool of_the_day(const timespec& time) {
  return time.tv_sec > 1'000'000'000;
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  using Clock = int (*)(clockid_t, timespec*);
  static constinit Clock real = nullptr;
  static constinit bool asked = false;
  if (!asked) {
    asked = true;
    real = next<Clock>("clock_gettime");
  }
  // A sanitizer's allocator wants the time while dlsym allocates; the first call is made before there are
  // threads.
  if (!real) {
    *time = {};
    return 0;
  }
  const int result = real(clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    time->tv_sec += seconds_ahead();
  return result;
}

extern "C" int gettimeofday(timeval* time, void* zone) noexcept {
  static const auto real = next<int (*)(timeval*, void*)>("gettimeofday");
  const int result = real(time, zone);
  if (result == 0 && time) time->tv_sec += seconds_ahead();
  return result;
}

extern "C" time_t time(time_t* out) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}

extern "C" int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                                      const timespec* until) {
  using Wait = int (*)(pthread_cond_t*, pthread_mutex_t*, const timespec*);
  static const auto real =
      reinterpret_cast<Wait>(::dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2"));
  timespec time = *until;
  if (of_the_day(time)) time.tv_sec -= seconds_ahead();
  return real(condition, mutex, &time);
}

// Abseil waits by the kernel's own call.
extern "C" long faulty_syscall(long number, long a, long b, long c, long d, long e,
                               long f) __asm__("syscall");
extern "C" long faulty_syscall(long number, long a, long b, long c, long d, long e, long f) {
  using Call = long (*)(long, long, long, long, long, long, long);
  static const auto real = next<Call>("syscall");
  timespec time{};
  if (number == SYS_futex && (b & FUTEX_CLOCK_REALTIME) && d != 0) {
    time = *reinterpret_cast<const timespec*>(d);
    if (of_the_day(time)) time.tv_sec -= seconds_ahead();
    d = reinterpret_cast<long>(&time);
  }
  return real(number, a, b, c, d, e, f);
}
