#include "measures/base_point.hpp"

namespace randrelu {

BasePoint::BasePoint(const Network& network, View<const double> x_, std::size_t layers,
                     bool with_gradient, const Run& run)
    : net(network),
      x(x_.data, x_.data + x_.cols),
      preactivations(layers),
      bits(layers),
      backward(layers),
      forgotten(network.forgotten()) {
  assert(layers <= net.depth() && (!with_gradient || layers == net.depth()));
  Outputs<double> out;
  for (std::size_t i = 0; i < layers; ++i) {
    preactivations[i].resize(at(net.width(i)));
    bits[i].resize(at(pattern_bytes(net.width(i))));
    out.preactivations.push_back(preactivations[i].data());
    out.bits.push_back(bits[i].data());
  }
  net.evaluate(point(), out, with_gradient ? run.stage(0, 0.5) : run);
  if (!with_gradient) return;
  const Visit<double> keep = [&](std::size_t layer, View<const double> row) {
    backward[layer - 1].assign(row.data, row.data + row.cols);
  };
  const double one = 1;
  gradient.resize(x.size());
  Scratch<double> scratch(net.widest());
  Stages stages(run.stage(0.5, 1), net.weights());
  walk_backward<double>(net.layers(), mask(), 0, net.depth() + 1, View<const double>(&one, 1, 1),
                        View<double>(gradient.data(), 1, net.input_dim()), scratch, stages, keep);
}

std::vector<double> BasePoint::pull_back(std::size_t i, const std::vector<double>& v,
                                         const Run& run) const {
  require_known();
  std::vector<double> result(x.size());
  Scratch<double> scratch(net.widest());
  Stages stages(run, count_weights(net.layers(), 0, i + 1));
  walk_backward<double>(net.layers(), mask(), 0, i + 1,
                        View<const double>(v.data(), 1, static_cast<Index>(v.size())),
                        View<double>(result.data(), 1, net.input_dim()), scratch, stages);
  return result;
}

Mask BasePoint::mask() const {
  Mask mask;
  for (const std::vector<Bits>& layer : bits) mask.push_back({layer.data(), 0});
  return mask;
}

}  // namespace randrelu
