#include "measures/masked_product.hpp"

#include "base/finite.hpp"

namespace randrelu {
namespace {

// D_k of every row; layers count from 1, and behind the last hidden one nothing is masked.
void mask(const Network& net, const PointPattern& bits, std::size_t k, std::vector<double>& rows) {
  const Index units = net.layers()[k - 1]->fan_out();
  const Index count = static_cast<Index>(rows.size()) / units;
  require_finite(rows.data(), static_cast<Index>(rows.size()));
  if (k > net.depth()) return;
  for (Index p = 0; p < count; ++p) keep_active(bits[k - 1].data(), units, rows.data() + p * units);
}

Run stage(const Run& run, std::size_t done, std::size_t layers) {
  const double n = static_cast<double>(layers), first = static_cast<double>(done);
  return run.stage(first / n, (first + 1) / n);
}

}  // namespace

std::vector<double> apply_segment(const Network& net, const PointPattern& bits, std::size_t j,
                                  std::size_t i, View<const double> v, const Run& run) {
  std::vector<double> rows(v.data, v.data + v.rows * v.cols);
  for (std::size_t k = j + 1; k <= i; ++k) {
    const Layer& layer = *net.layers()[k - 1];
    std::vector<double> next(static_cast<std::size_t>(v.rows * layer.fan_out()));
    layer.apply(View<const double>(rows.data(), v.rows, layer.fan_in()),
                View<double>(next.data(), v.rows, layer.fan_out()), stage(run, k - j - 1, i - j));
    mask(net, bits, k, next);
    rows = std::move(next);
  }
  return rows;
}

std::vector<double> apply_segment_transpose(const Network& net, const PointPattern& bits,
                                            std::size_t j, std::size_t i, View<const double> v,
                                            const Run& run) {
  std::vector<double> rows(v.data, v.data + v.rows * v.cols);
  for (std::size_t k = i; k > j; --k) {
    const Layer& layer = *net.layers()[k - 1];
    mask(net, bits, k, rows);
    std::vector<double> next(static_cast<std::size_t>(v.rows * layer.fan_in()));
    layer.apply_transpose(View<const double>(rows.data(), v.rows, layer.fan_out()),
                          View<double>(next.data(), v.rows, layer.fan_in()),
                          stage(run, i - k, i - j));
    rows = std::move(next);
  }
  require_finite(rows.data(), static_cast<Index>(rows.size()));
  return rows;
}

}  // namespace randrelu
