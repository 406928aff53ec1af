// The only parallelism: a loop over fixed blocks.
//
// What a block computes may not depend on which thread runs it, so results are bit-identical for
// every thread count. No global OpenMP state is changed.
#pragma once

#include <exception>
#include <functional>

#include "base/types.hpp"

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

// How many forks lie between this process and the one that made the call above.
int forks();

// How a call runs: on how many threads, and to whom it reports its progress.
struct Run {
  int threads = 0;  // 0: the default
  // Called now and then, from the thread that made the call, with the share of the call that is done.
  const std::function<void(double)>* report = nullptr;
  // The part of the call that the next loop is.
  double from = 0, to = 1;

  // The stage of this run between two shares of it.
  Run stage(double first, double last) const {
    const double whole = to - from;
    return {threads, report, from + first * whole, from + last * whole};
  }
  // The same between two counts of `total` things.
  Run stage(Index first, Index last, Index total) const {
    const double n = static_cast<double>(total);
    return stage(static_cast<double>(first) / n, static_cast<double>(last) / n);
  }
  // For what takes no time beside the rest, and reports nothing.
  Run silent() const { return {threads}; }
};

// Looks for interrupts, and reports that `share` of the run is done, each at most twenty times a second.
// The thread that made the call calls it; parallel_for does so between blocks.
void poll(const Run& run, double share);

// Runs body(0) … body(blocks − 1) in any order. The first exception, of a body or of the report, ends
// the loop and is rethrown here.
void parallel_for(Index blocks, const Run& run, const std::function<void(Index)>& body);

// How many rows of a matrix make a block of about 2¹⁵ entries: less is not worth a thread.
inline Index rows_at_once(Index cols) {
  return std::max<Index>(1, (Index{1} << 15) / std::max<Index>(1, cols));
}

// A loop over the rows of a matrix, in such blocks.
template <class Body>
void for_each_row(Index rows, Index cols, const Run& run, const Body& body) {
  const Index size = rows_at_once(cols);
  parallel_for(ceil_div(rows, size), run, [&](Index i) {
    const Block some(i, size, rows);
    for (Index r = some.first; r < some.first + some.count; ++r) body(r);
  });
}

// The same in pieces of rows, body(row, Block of its columns), where rows are long; a piece begins at a
// multiple of 8 columns, so with a whole byte of bits.
template <class Body>
void for_each_piece(Index rows, Index cols, const Run& run, const Body& body) {
  constexpr Index kPiece = Index{1} << 15;
  if (cols <= 2 * kPiece)
    return for_each_row(rows, cols, run, [&](Index r) { body(r, Block(0, cols)); });
  const Index pieces = ceil_div(cols, kPiece);
  parallel_for(rows * pieces, run,
               [&](Index i) { body(i / pieces, Block(i % pieces, kPiece, cols)); });
}

}  // namespace randrelu
