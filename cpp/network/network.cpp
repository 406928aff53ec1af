#include "network/network.hpp"

#include <stdexcept>

#include "base/buffer.hpp"
#include "base/finite.hpp"

namespace randrelu {
namespace {

// The loop over the rows of a matrix, in pieces of about 2¹⁵ entries that begin with a byte of bits.
template <class Body>
void for_each_piece(Index rows, Index cols, const Run& run, const Body& body) {
  constexpr Index kPiece = Index{1} << 15;
  if (cols <= 2 * kPiece)
    return for_each_row(rows, cols, run, [&](Index p) { body(p, Block(0, cols)); });
  const Index pieces = ceil_div(cols, kPiece);
  parallel_for(rows * pieces, run,
               [&](Index i) { body(i / pieces, Block(i % pieces, kPiece, cols)); });
}

template <class T>
void relu(const T* z, Index units, T* a) {
  for (Index j = 0; j < units; ++j) a[j] = z[j] > T{0} ? z[j] : T{0};
}

}  // namespace

Network::Network(Layers layers, std::uint64_t seed) : layers_(std::move(layers)) {
  for (std::size_t i = 0; i < depth(); ++i)
    coins_.push_back(tie_coins(seed, static_cast<std::uint32_t>(i + 1), width(i)));
  if (layers_.front()->deferred()) busy_ = std::make_unique<Busy>();
}

Network::Alone::Alone(const Network& net) : net_(net), busy_(net.busy_.get()) {
  if (!busy_) return;
  if (busy_->owner == std::this_thread::get_id())
    throw std::runtime_error(
        "a deferred network cannot be asked from the progress= of a call that is asking it");
  while (!busy_->mutex.try_lock_for(std::chrono::milliseconds(50))) {
    if (busy_->forks != forks())
      throw std::runtime_error(
          "this process was forked while another thread asked the deferred network, and has half an "
          "answer; draw one of its own");
    poll(Run{}, 0);
  }
  busy_->owner = std::this_thread::get_id();
  busy_->forks = forks();
}

Network::Alone::~Alone() {
  if (!busy_) return;
  busy_->nbytes = net_.held();
  busy_->owner = std::thread::id();
  busy_->mutex.unlock();
}

std::size_t Network::held() const {
  std::size_t total = 0;
  for (const auto& layer : layers_) total += layer->nbytes();
  return total;
}

std::size_t Network::nbytes() const { return busy_ ? busy_->nbytes.load() : held(); }

// The stages of a block of points: its layers, each as long as it has weights.
class Network::Stages {
 public:
  Stages(const Run& run, double total) : run_(run), total_(total) {}
  Run next(const Layer& layer) {
    const double first = done_;
    done_ += static_cast<double>(layer.fan_in()) * static_cast<double>(layer.fan_out());
    return run_.stage(first / total_, done_ / total_);
  }
  // What takes no time beside them.
  Run silent() const { return {run_.threads}; }

 private:
  Run run_;
  double total_, done_ = 0;
};

// What the layers of one block of points hand on to each other, in turns.
template <class T>
struct Network::Scratch {
  explicit Scratch(Index size) : buffers{Buffer<T>(size), Buffer<T>(size)} {}
  T* layer(std::size_t i) const { return buffers[i % 2].get(); }
  Buffer<T> buffers[2];
};

Index Network::widest() const {
  Index units = input_dim();
  for (const auto& layer : layers_) units = std::max(units, layer->fan_out());
  return units;
}

double Network::weights_used(bool gradient) const {
  double weights = 0;
  for (const auto& layer : layers_)
    weights += static_cast<double>(layer->fan_in()) * static_cast<double>(layer->fan_out());
  return gradient ? 2 * weights : weights;
}

// As many as keep a buffer of the widest layer near 2²⁵ entries: enough for full matrix products,
// little enough to bound the memory of any batch.
Index Network::points_per_block() const {
  return std::clamp<Index>((Index{1} << 25) / widest(), 64, 1024);
}

template <class T>
void Network::evaluate(View<const T> x, const Outputs<T>& out, const Run& run,
                       bool remember) const {
  // What is forgotten would be drawn anew for the next block, so then all points make one.
  const Index size = remember ? std::min(points_per_block(), x.rows) : x.rows;
  if (size == 0) return;
  Scratch<T> scratch(size * widest());
  for (Index i = 0; i < ceil_div(x.rows, size); ++i) {
    const Block points(i, size, x.rows);
    const auto share = [&](Index p) { return static_cast<double>(p) / static_cast<double>(x.rows); };
    evaluate_block(x.middle_rows(points.first, points.count), points.first, out, scratch,
                   run.stage(share(points.first), share(points.first + points.count)), remember);
  }
}

template <class T>
void Network::evaluate_block(View<const T> x, Index first, const Outputs<T>& out,
                             Scratch<T>& scratch, const Run& run, bool remember) const {
  assert(remember || !out.gradients);
  const Index points = x.rows;
  Stages stages(run, weights_used(out.gradients != nullptr));
  // The gradient needs the patterns of all layers, whether or not the caller wants them.
  std::vector<Buffer<Bits>> own_bits;
  std::vector<Bits*> bits;
  for (std::size_t i = 0; i < depth(); ++i) {
    const Index bytes = pattern_bytes(width(i));
    if (!out.bits.empty()) {
      bits.push_back(out.bits[i] + first * bytes);
    } else if (out.gradients) {
      own_bits.emplace_back(points * bytes);
      bits.push_back(own_bits.back().get());
    }
  }

  View<const T> input = x;
  for (std::size_t i = 0; i < depth(); ++i) {
    const Index units = width(i), bytes = pattern_bytes(units);
    const auto target = [&](const std::vector<T*>& wanted) {
      return View<T>(wanted.empty() ? scratch.layer(i) : wanted[i] + first * units, points, units);
    };
    const View<T> z = target(out.preactivations), a = target(out.activations);
    {
      const Forgetting forgetting(*layers_[i], !remember);
      layers_[i]->apply(input, z, stages.next(*layers_[i]));
    }
    for_each_piece(points, units, stages.silent(), [&](Index p, Block some) {
      const T* piece = z.row(p) + some.first;
      require_finite(piece, some.count);
      if (!bits.empty())
        pack(piece, some.count, coins_[i].data() + some.first / 8,
             bits[i] + p * bytes + some.first / 8);
      relu(piece, some.count, a.row(p) + some.first);
    });
    input = a;
  }

  const View<T> values(out.values ? out.values + first : scratch.layer(depth()), points, 1);
  {
    const Forgetting forgetting(*layers_.back(), !remember);
    layers_.back()->apply(input, values, stages.next(*layers_.back()));
  }
  require_finite(values.data, points);
  if (out.gradients)
    backward(bits, View<T>(out.gradients + first * input_dim(), points, input_dim()), scratch,
             stages);
}

// ∇f = W_{ℓ+1} D_ℓ W_ℓ … D_1 W_1, from the left.
template <class T>
void Network::backward(const std::vector<Bits*>& bits, View<T> gradients, Scratch<T>& scratch,
                       Stages& stages) const {
  const Index points = gradients.rows;
  View<T> v(scratch.layer(depth() + 1), points, 1);
  std::fill_n(v.data, points, T{1});
  for (std::size_t i = depth(); i > 0; --i) {
    const Index units = width(i - 1);
    const View<T> g(scratch.layer(i), points, units);
    layers_[i]->apply_transpose(v, g, stages.next(*layers_[i]));
    for_each_piece(points, units, stages.silent(), [&](Index p, Block some) {
      T* const piece = g.row(p) + some.first;
      require_finite(piece, some.count);
      keep_active(bits[i - 1] + p * pattern_bytes(units) + some.first / 8, some.count, piece);
    });
    v = g;
  }
  layers_.front()->apply_transpose(v, gradients, stages.next(*layers_.front()));
  require_finite(gradients.data, points * gradients.cols);
}

template void Network::evaluate(View<const float>, const Outputs<float>&, const Run&,
                                bool) const;
template void Network::evaluate(View<const double>, const Outputs<double>&, const Run&,
                                bool) const;

}  // namespace randrelu
