#include "base/threads.hpp"

#include <omp.h>

#include <atomic>
#include <chrono>
#include <mutex>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace randrelu {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPollEvery = std::chrono::milliseconds(50);

std::atomic<InterruptCheck> interrupt_check{nullptr};
std::atomic<int> fork_count{0};

}  // namespace

void set_interrupt_check(InterruptCheck check) { interrupt_check = check; }

int thread_count(int threads) {
  if (fork_count > 0) return 1;
  return std::min(threads > 0 ? threads : omp_get_max_threads(), omp_get_thread_limit());
}

void run_forked_children_on_one_thread() {
#if defined(__unix__) || defined(__APPLE__)
  static std::once_flag once;
  std::call_once(once, [] { pthread_atfork(nullptr, nullptr, [] { ++fork_count; }); });
#endif
}

int forks() { return fork_count; }

void poll(const Run& run, double share) {
  // Two clocks: loops without a report run within loops that have one, and must not delay it.
  thread_local Clock::time_point last_check = Clock::now(), last_report = last_check;
  const auto now = Clock::now();
  if (now - last_check >= kPollEvery) {
    last_check = now;
    const InterruptCheck check = interrupt_check;
    if (check && check()) throw Interrupted();
  }
  if (run.report && now - last_report >= kPollEvery) {
    last_report = now;
    (*run.report)(run.from + share * (run.to - run.from));
  }
}

void parallel_for(Index blocks, const Run& run, const std::function<void(Index)>& body) {
  std::atomic<Index> next{0};
  std::atomic<bool> stop{false};
  std::exception_ptr failure;
  std::mutex failure_mutex;

  const auto work = [&](bool is_caller) noexcept {
    try {
      while (!stop.load(std::memory_order_relaxed)) {
        const Index block = next.fetch_add(1, std::memory_order_relaxed);
        if (block >= blocks) return;
        if (is_caller) poll(run, static_cast<double>(block) / static_cast<double>(blocks));
        body(block);
      }
    } catch (...) {
      stop = true;
      const std::lock_guard<std::mutex> lock(failure_mutex);
      if (!failure) failure = std::current_exception();
    }
  };

  const int team = static_cast<int>(std::min<Index>(thread_count(run.threads), blocks));
  if (team <= 1) {
    work(true);
  } else {
#pragma omp parallel num_threads(team)
    work(omp_get_thread_num() == 0);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace randrelu
