#include "network/network.hpp"

#include <stdexcept>

#include "base/buffer.hpp"
#include "base/finite.hpp"
#include "layers/margin.hpp"

namespace randrelu {
namespace {

template <class T>
void relu(const T* z, Index units, T* a) {
  for (Index j = 0; j < units; ++j) a[j] = z[j] > T{0} ? z[j] : T{0};
}

// The bits of as many units at exactly 0.
std::vector<Bits> tie_bits(Ties ties, std::uint64_t seed, std::size_t layer, Index units) {
  if (ties == Ties::coin) return tie_coins(seed, static_cast<std::uint32_t>(layer), units);
  std::vector<Bits> bits(at(pattern_bytes(units)));
  for (Index j = 0; ties == Ties::one && j < units; ++j) set_bit(bits.data(), j, true);
  return bits;
}

}  // namespace

Network::Network(Layers layers, Biases biases, std::uint64_t seed, Ties ties)
    : layers_(std::move(layers)), biases_(std::move(biases)) {
  assert(biases_.empty() || biases_.size() == layers_.size());
  biases_.resize(layers_.size());
  for (std::size_t i = 0; i < depth(); ++i) coins_.push_back(tie_bits(ties, seed, i + 1, width(i)));
  if (layers_.front()->deferred()) busy_ = std::make_shared<Busy>();
}

Network Network::margin(Index top, Index other) const {
  Network net(*this);
  net.layers_.back() = std::make_shared<MarginLayer>(layers_.back(), top, other);
  if (std::vector<double>& b = net.biases_.back(); !b.empty())
    b = {other < 0 ? b[at(top)] : b[at(top)] - b[at(other)]};
  return net;
}

bool Network::has_biases() const {
  return std::any_of(biases_.begin(), biases_.end(), [](const std::vector<double>& b) {
    return std::any_of(b.begin(), b.end(), [](double value) { return value != 0; });
  });
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

void Network::forget() const {
  for (const auto& layer : layers_) layer->forget_since({});
  if (busy_) ++busy_->forgotten;
}

void Network::require_unforgotten(std::uint64_t then) const {
  if (forgotten() != then)
    throw std::runtime_error(
        "the deferred network was told to forget while it was asked about a point; ask again");
}

std::size_t Network::nbytes() const {
  if (busy_) return busy_->nbytes;
  std::size_t total = held();
  for (const auto& b : biases_) total += b.size() * sizeof(double);
  return total;
}

Index Network::widest() const {
  Index units = input_dim();
  for (const auto& layer : layers_) units = std::max(units, layer->fan_out());
  return units;
}

// As many as keep a buffer of the widest layer near 2²⁵ entries: enough for full matrix products,
// little enough to bound the memory of any batch.
Index Network::points_per_block() const {
  return std::clamp<Index>((Index{1} << 25) / widest(), 64, kMostPoints);
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
    evaluate_block(x.middle_rows(points.first, points.count), points.first, out, scratch,
                   run.stage(points.first, points.first + points.count, x.rows), remember);
  }
}

template <class T>
void Network::evaluate_block(View<const T> x, Index first, const Outputs<T>& out,
                             Scratch<T>& scratch, const Run& run, bool remember) const {
  assert(remember || !out.gradients);
  const Index points = x.rows;
  const std::size_t wanted = out.layers(depth());
  const bool whole = out.values || out.gradients;
  Stages stages(run, count_weights(layers_, 0, whole ? depth() + 1 : wanted) +
                         (out.gradients ? weights() : 0));
  // The gradient needs the patterns of all layers, whether or not the caller wants them.
  std::vector<Buffer<Bits>> own_bits;
  Mask mask;

  View<const T> input = x;
  for (std::size_t i = 0; i < wanted; ++i) {
    const Index units = width(i), bytes = pattern_bytes(units);
    const auto target = [&](const std::vector<T*>& places) {
      return i < places.size() ? View<T>(places[i] + first * units, points, units)
                               : scratch.layer(i, points, units);
    };
    const View<T> z = target(out.preactivations), a = target(out.activations);
    Bits* bits = i < out.bits.size() ? out.bits[i] + first * bytes : nullptr;
    if (!bits && out.gradients) bits = own_bits.emplace_back(points * bytes).get();
    mask.push_back({bits, bytes});
    {
      const Forgetting forgetting(*layers_[i], !remember);
      layers_[i]->apply(input, z, stages.next(*layers_[i]));
    }
    for_each_piece(points, units, stages.silent(), [&](Index p, Block some) {
      T* const piece = z.row(p) + some.first;
      add_bias(i, some, piece);
      require_finite(piece, some.count);
      const Index byte = some.first / 8;
      if (bits) pack(piece, some.count, coins(i) + byte, bits + p * bytes + byte);
      relu(piece, some.count, a.row(p) + some.first);
    });
    input = a;
  }
  if (!whole) return;

  const View<T> values = out.values ? View<T>(out.values + first * outputs(), points, outputs())
                                    : scratch.layer(depth(), points, outputs());
  {
    const Forgetting forgetting(*layers_.back(), !remember);
    layers_.back()->apply(input, values, stages.next(*layers_.back()));
  }
  for (Index p = 0; p < points; ++p) add_bias(depth(), Block(0, outputs()), values.row(p));
  require_finite(values.data, points * outputs());
  if (out.gradients) differentiate<T>(Block(first, points), values, mask, out, scratch, stages);
}

// ∇f = W_{ℓ+1} D_ℓ W_ℓ … D_1 W_1, from the left.
template <class T>
void Network::differentiate(Block points, View<const T> values, const Mask& mask,
                            const Outputs<T>& out, Scratch<T>& scratch, Stages& stages) const {
  assert(out.combine || outputs() == 1);
  const View<T> weights = scratch.layer(depth() + 1, points.count, outputs());
  std::fill_n(weights.data, points.count * outputs(), T{1});
  if (out.combine) out.combine(points, values, weights);

  Visit<T> visit;
  T* const offsets = out.offsets ? out.offsets + points.first : nullptr;
  if (offsets) {
    const std::vector<double>& last = biases_.back();
    for (Index p = 0; p < points.count; ++p) {
      offsets[p] = 0;
      for (std::size_t j = 0; j < last.size(); ++j)
        offsets[p] += weights.row(p)[j] * static_cast<T>(last[j]);
    }
    visit = [&, offsets](std::size_t layer, View<const T> rows) {
      const std::vector<double>& own = biases_[layer - 1];
      const LayerBits& bits = mask[layer - 1];
      if (own.empty()) return;
      for_each_row(rows.rows, rows.cols, stages.silent(), [&](Index p) {
        const Bits* const here = bits.data + p * bits.stride;
        T sum = 0;
        for (Index j = 0; j < rows.cols; ++j)
          sum += bit(here, j) ? rows.row(p)[j] * static_cast<T>(own[at(j)]) : T{0};
        offsets[p] += sum;
      });
    };
  }
  const View<T> gradients(out.gradients + points.first * input_dim(), points.count, input_dim());
  walk_backward<T>(layers_, mask, 0, depth() + 1, weights, gradients, scratch, stages, visit);
}

template void Network::evaluate(View<const float>, const Outputs<float>&, const Run&, bool) const;
template void Network::evaluate(View<const double>, const Outputs<double>&, const Run&, bool) const;

}  // namespace randrelu
