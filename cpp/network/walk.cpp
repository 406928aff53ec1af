#include "network/walk.hpp"

#include "base/finite.hpp"
#include "network/pattern.hpp"

namespace randrelu {
namespace {

double count_weights(const Layer& layer) {
  return static_cast<double>(layer.fan_in()) * static_cast<double>(layer.fan_out());
}

template <class T>
void require_finite_rows(View<T> rows, const Run& run) {
  for_each_piece(rows.rows, rows.cols, run, [&](Index p, Block some) {
    require_finite(rows.row(p) + some.first, some.count);
  });
}

}  // namespace

double count_weights(const Layers& layers, std::size_t j, std::size_t i) {
  double weights = 0;
  for (std::size_t k = j; k < i; ++k) weights += count_weights(*layers[k]);
  return weights;
}

Run Stages::next(const Layer& layer) {
  const double first = done_;
  done_ += count_weights(layer);
  return run_.stage(first / weights_, done_ / weights_);
}

template <class T>
void mask_rows(const LayerBits& bits, View<T> rows, const Run& run) {
  for_each_piece(rows.rows, rows.cols, run, [&](Index p, Block some) {
    T* const piece = rows.row(p) + some.first;
    require_finite(piece, some.count);
    keep_active(bits.data + p * bits.stride + some.first / 8, some.count, piece);
  });
}

template <class T>
void walk_forward(const Layers& layers, const Mask& mask, std::size_t j, std::size_t i,
                  View<const T> rows, View<T> out, Scratch<T>& scratch, Stages& stages) {
  for (std::size_t k = j + 1; k <= i; ++k) {
    const Layer& layer = *layers[k - 1];
    const View<T> next = k == i ? out : scratch.layer(k, rows.rows, layer.fan_out());
    layer.apply(rows, next, stages.next(layer));
    if (k <= mask.size())
      mask_rows(mask[k - 1], next, stages.silent());
    else
      require_finite_rows(next, stages.silent());
    rows = next;
  }
}

template <class T>
void walk_backward(const Layers& layers, const Mask& mask, std::size_t j, std::size_t i,
                   View<const T> rows, View<T> out, Scratch<T>& scratch, Stages& stages,
                   const Visit<T>& visit) {
  for (std::size_t k = i; k > j; --k) {
    const Layer& layer = *layers[k - 1];
    const View<T> next = k - 1 == j ? out : scratch.layer(k - 1, rows.rows, layer.fan_in());
    layer.apply_transpose(rows, next, stages.next(layer));
    if (k - 1 > j) {
      if (visit) visit(k - 1, next);
      mask_rows(mask[k - 2], next, stages.silent());
    } else {
      require_finite_rows(next, stages.silent());
    }
    rows = next;
  }
}

template void mask_rows(const LayerBits&, View<double>, const Run&);
template void walk_forward(const Layers&, const Mask&, std::size_t, std::size_t, View<const double>,
                           View<double>, Scratch<double>&, Stages&);
template void walk_backward(const Layers&, const Mask&, std::size_t, std::size_t, View<const float>,
                            View<float>, Scratch<float>&, Stages&, const Visit<float>&);
template void walk_backward(const Layers&, const Mask&, std::size_t, std::size_t,
                            View<const double>, View<double>, Scratch<double>&, Stages&,
                            const Visit<double>&);

}  // namespace randrelu
