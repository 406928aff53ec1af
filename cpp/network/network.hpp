// The network f(x) = W_{ℓ+1} σ(W_ℓ … σ(W_1 x)): values, patterns and gradients of batches of points,
// written once against layer.hpp.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "network/pattern.hpp"
#include "network/walk.hpp"

namespace randrelu {

// Where evaluate() writes; what is left null is not computed. `bits`, `preactivations` and
// `activations` have a pointer for each of the first hidden layers, as many as are wanted.
template <class T>
struct Outputs {
  T* values = nullptr;             // (N,)
  T* gradients = nullptr;          // (N, d)
  std::vector<Bits*> bits;         // (N, ⌈d_i / 8⌉) each
  std::vector<T*> preactivations;  // (N, d_i) each
  std::vector<T*> activations;     // (N, d_i) each

  // How many hidden layers these need, of `depth`.
  std::size_t layers(std::size_t depth) const {
    if (values || gradients) return depth;
    return std::max({bits.size(), preactivations.size(), activations.size()});
  }
};

// The most points that are evaluated at once.
constexpr Index kMostPoints = 1024;

// Which thread of which process is asking a deferred network, and how much it held when the last call
// ended.
struct Busy {
  std::timed_mutex mutex;
  std::atomic<std::thread::id> owner;
  std::atomic<int> forks{0};
  std::atomic<std::size_t> nbytes{0};
  std::uint64_t forgotten = 0;  // how often everything was
};

class Network {
 public:
  // Layers from the input to the output; the last has one unit. `seed` is that of the tie coins.
  // Networks may share layers whose weights exist; the lock of deferred ones belongs to the network.
  Network(Layers layers, std::uint64_t seed);
  Network(Network&&) = default;
  Network(const Network&) = delete;

  const Layers& layers() const { return layers_; }
  std::size_t depth() const { return layers_.size() - 1; }
  Index input_dim() const { return layers_.front()->fan_in(); }
  Index width(std::size_t hidden) const { return layers_[hidden]->fan_out(); }
  // The bits of the units of a hidden layer at exactly 0.
  const Bits* coins(std::size_t hidden) const { return coins_[hidden].data(); }

  // The weights of all layers.
  double weights() const { return count_weights(layers_, 0, layers_.size()); }
  Index widest() const;
  // How many points are evaluated at once, whatever their number.
  Index points_per_block() const;

  // Evaluates points as far as the last layer that `out` wants. Throws std::overflow_error when a value
  // leaves the range of T. A deferred network that does not `remember` forgets every layer's answers when
  // it goes on to the next; no gradients then.
  template <class T>
  void evaluate(View<const T> x, const Outputs<T>& out, const Run& run, bool remember = true) const;

  // The bytes that the weights take, or what is revealed of them.
  std::size_t nbytes() const;

  bool deferred() const { return static_cast<bool>(busy_); }
  // Forgets all that a deferred network has revealed: it is another one from then on.
  void forget() const;
  // How often it did; 0 for others. Whoever keeps what a network answered compares it.
  std::uint64_t forgotten() const { return busy_ ? busy_->forgotten : 0; }
  // Throws std::runtime_error unless it is still what it was then.
  void require_unforgotten(std::uint64_t then) const;
  // Asking a deferred network changes it: whoever does holds one of these. Others wait.
  class Alone {
   public:
    // Throws std::runtime_error when this thread is in the middle of a call already, or was copied
    // into a child while another one was.
    explicit Alone(const Network& net);
    ~Alone();
    Alone(const Alone&) = delete;

   private:
    const Network& net_;
    Busy* busy_;
  };

 private:
  template <class T>
  void evaluate_block(View<const T> x, Index first, const Outputs<T>& out, Scratch<T>& scratch,
                      const Run& run, bool remember) const;
  std::size_t held() const;
  Layers layers_;
  std::vector<std::vector<Bits>> coins_;
  std::unique_ptr<Busy> busy_;
};

}  // namespace randrelu
