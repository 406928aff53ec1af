// The only parallelism: a loop over fixed blocks.
//
// What a block computes may not depend on which thread runs it, so results are bit-identical for
// every thread count. No global OpenMP state is changed.
#pragma once

#include <exception>
#include <functional>

#include "types.hpp"

namespace randrelu {

// Thrown by parallel_for when the interrupt check said to stop; the work is left unfinished.
struct Interrupted : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

// Called now and then from the thread that called parallel_for, without locks; true stops the loop.
using InterruptCheck = bool (*)();
void set_interrupt_check(InterruptCheck check);

// The number of threads that `threads` stands for: itself, or OpenMP's default (which reads
// OMP_NUM_THREADS) for 0. Always 1 in a forked child, see run_forked_children_on_one_thread().
int thread_count(int threads);

// A child forked from a process that has used OpenMP, here or in any other library, hangs when it uses
// OpenMP itself: its run time waits for threads that were never copied. From this call on every child
// does without.
void run_forked_children_on_one_thread();

// Runs body(0) … body(blocks − 1), on up to `threads` threads (0: the default), in any order. The
// first exception of a body ends the loop and is rethrown here.
void parallel_for(Index blocks, int threads, const std::function<void(Index)>& body);

}  // namespace randrelu
