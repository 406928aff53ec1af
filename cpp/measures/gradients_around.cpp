#include "measures/gradients_around.hpp"

namespace randrelu {

// Every Δ_j so far passes the mask of y, and the new one is made of the units that flip.
template <class T>
View<T> GradientsAround<T>::go_back(bool terms, const Run& run) {
  const Index rows = patterns_.rows();
  // After the last hidden layer only its mask differs, so there is nothing but sparse rows.
  View<T> v = scratch_.layer(0, net_.deferred() ? rows : 0, net_.width(at(depth_ - 1)));
  std::fill_n(v.data, v.rows * v.cols, T{0});
  const T sign = terms ? T{-1} : T{1};
  SparseRows<T> sparse = gained(
      depth_ - 1, 1, [&](Index, Index j) { return sign * at_x(depth_ - 1).gradient[at(j)]; });
  for (Index i = depth_ - 1;; --i) {
    const View<T> h = send_back(i, v, sparse, run.stage(depth_ - 1 - i, depth_ - i, depth_));
    if (i == 0) {
      require_finite(h.data, h.rows * h.cols);
      return h;
    }
    const std::vector<T>& gradient = at_x(i - 1).gradient;
    sparse = gained(i - 1, h.rows / rows + terms, [&](Index r, Index j) {
      if (r >= h.rows) return -gradient[at(j)];
      const T below = h.row(r)[net_.deferred() ? j : in_wanted_[at(j)]];
      return terms ? below : gradient[at(j)] + below;
    });
    v = keep(i - 1, h, terms ? rows : 0, run);
  }
}

// Rows of what the units of layer i that flip add to D_i(x) h: value(row, unit) where they are active at y only, its
// negative where at x only. The rows of flips come `times` over.
template <class T>
template <class Value>
SparseRows<T> GradientsAround<T>::gained(Index i, Index times, const Value& value) const {
  const SparseRows<T>& flips = flipped(i);
  const Index rows = patterns_.rows();
  SparseRows<T> result;
  result.units.reserve(flips.units.size() * at(times));
  result.values.reserve(flips.units.size() * at(times));
  for (Index r = 0; r < times * rows; ++r) {
    const Index of = r % rows;
    for (Index k = flips.starts[at(of)]; k < flips.starts[at(of + 1)]; ++k) {
      const Index j = flips.units[at(k)];
      const T found = value(r, j);
      result.add(j, bit(at_x(i).bits, j) ? -found : found);
    }
    result.end_row();
  }
  return result;
}

// D_i(x) h, of the units that are active at x; followed by `more` rows of zeros.
template <class T>
View<T> GradientsAround<T>::keep(Index i, View<const T> h, Index more, const Run& run) const {
  const std::vector<Index>& active = at_x(i).active;
  const bool all = net_.deferred();
  const View<T> v = scratch_.layer(0, h.rows + more, part(i).size(net_.width(at(i))));
  for_each_row(v.rows, v.cols, run.silent(), [&](Index r) {
    T* const out = v.row(r);
    if (all || r >= h.rows) std::fill_n(out, v.cols, T{0});
    if (r >= h.rows) return;
    for (std::size_t k = 0; k < active.size(); ++k)
      if (all)
        out[active[k]] = h.row(r)[active[k]];
      else
        out[k] = h.row(r)[in_wanted_[at(active[k])]];
  });
  return v;
}

// The rows v and `sparse` of layer i back through its weights: to the units of the layer before that are active at x
// or flip anywhere.
template <class T>
View<T> GradientsAround<T>::send_back(Index i, View<T> v, const SparseRows<T>& sparse,
                                      const Run& run) {
  const Layer& layer = *net_.layers()[at(i)];
  const Units columns = i && !net_.deferred() ? want(i - 1) : Units();
  const View<T> below = scratch_.layer(1, sparse.rows(), columns.size(layer.fan_in()));
  if (net_.deferred()) {
    for (Index r = 0; r < v.rows; ++r) sparse.add_to(v.row(r), r);
    layer.apply_transpose(v, below, run);
    return below;
  }
  if (v.rows)
    layer.apply_transpose(v, below, run, {part(i), columns});
  else
    std::fill_n(below.data, below.rows * below.cols, T{0});
  add_sparse_transposed<T>(layer, sparse, below, columns, run.silent());
  return below;
}

// The units of layer i that are active at x or flip in any row.
template <class T>
Units GradientsAround<T>::want(Index i) {
  const Index units = net_.width(at(i));
  std::vector<Bits> chosen(at_x(i).bits, at_x(i).bits + pattern_bytes(units));
  for (const Index j : flipped(i).units) set_bit(chosen.data(), j, true);
  wanted_ = units_of(chosen.data(), units);
  in_wanted_.assign(at(units), -1);
  for (std::size_t k = 0; k < wanted_.size(); ++k)
    in_wanted_[at(wanted_[k])] = static_cast<Index>(k);
  return Units(wanted_);
}

template class GradientsAround<float>;
template class GradientsAround<double>;

}  // namespace randrelu
