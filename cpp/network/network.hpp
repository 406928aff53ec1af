// The network f(x) = W_{ℓ+1} σ(W_ℓ … σ(W_1 x + b_1) … + b_ℓ) + b_{ℓ+1}: values, patterns and gradients of
// batches of points, written once against layer.hpp.
#pragma once

#include <atomic>
#include <functional>
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
  T* values = nullptr;     // (N, k), of k outputs
  T* gradients = nullptr;  // (N, d)
  // The part of f that is not ∇f(x)·x, (N,), with the gradients: what the biases come to.
  T* offsets = nullptr;
  // Fills, for some points, the weights (points, k) of the outputs in the number whose gradient is wanted,
  // from the values there; needed where k > 1.
  std::function<void(Block points, View<const T> values, View<T> weights)> combine;
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

// b_1, …, b_{ℓ+1}; empty where a layer has none. They are added to values: differences, slopes and
// gradients carry none.
using Biases = std::vector<std::vector<double>>;

// Which bit a unit at exactly 0 has: that of its coin, or always the same.
enum class Ties { coin, zero, one };

class Network {
 public:
  // Layers from the input to the output. `seed` is that of the tie coins.
  Network(Layers layers, Biases biases, std::uint64_t seed, Ties ties = Ties::coin);
  Network(Network&&) = default;

  // The network f_top − f_other, or f_top where `other` is negative. It shares the layers, and the lock.
  Network margin(Index top, Index other) const;

  const Layers& layers() const { return layers_; }
  // That of layer i from 0, the last of which is the output; empty where it has none.
  const std::vector<double>& bias(std::size_t i) const { return biases_[i]; }
  bool has_biases() const;  // that are not 0: without them f(αx) = αf(x)
  std::size_t depth() const { return layers_.size() - 1; }
  Index input_dim() const { return layers_.front()->fan_in(); }
  Index outputs() const { return layers_.back()->fan_out(); }
  Index width(std::size_t hidden) const { return layers_[hidden]->fan_out(); }
  // The bits of the units of a hidden layer at exactly 0.
  const Bits* coins(std::size_t hidden) const { return coins_[hidden].data(); }

  // The weights of all layers.
  double weights() const { return count_weights(layers_, 0, layers_.size()); }
  Index widest() const;
  // How many points are evaluated at once, whatever their number.
  Index points_per_block() const;

  // Adds the bias of layer i to some of its values.
  template <class T>
  void add_bias(std::size_t i, Block units, T* values) const {
    const std::vector<double>& b = biases_[i];
    if (b.empty()) return;
    for (Index j = 0; j < units.count; ++j) values[j] += static_cast<T>(b[at(units.first + j)]);
  }

  // Evaluates points as far as the last layer that `out` wants. Throws std::overflow_error when a value
  // leaves the range of T. A deferred network that does not `remember` forgets every layer's answers when
  // it goes on to the next; no gradients then.
  template <class T>
  void evaluate(View<const T> x, const Outputs<T>& out, const Run& run, bool remember = true) const;

  // The bytes that the weights and biases take, or what is revealed.
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
  Network(const Network&) = default;
  template <class T>
  void evaluate_block(View<const T> x, Index first, const Outputs<T>& out, Scratch<T>& scratch,
                      const Run& run, bool remember) const;
  // The gradients of a block of points, whose values are known.
  template <class T>
  void differentiate(Block points, View<const T> values, const Mask& mask, const Outputs<T>& out,
                     Scratch<T>& scratch, Stages& stages) const;
  std::size_t held() const;  // by the layers
  Layers layers_;
  Biases biases_;
  std::vector<std::vector<Bits>> coins_;
  std::shared_ptr<Busy> busy_;
};

}  // namespace randrelu
