#include "measures/line.hpp"

#include <cmath>

#include "base/buffer.hpp"
#include "base/finite.hpp"

namespace randrelu {
namespace {

// A sum whose rounding does not grow with the number of its terms (Knuth's two-sum).
struct LongSum {
  double high, low = 0;
  void add(double term) {
    const double sum = high + term, back = sum - high;
    low += (high - (sum - back)) + (term - back);
    high = sum;
  }
  double value() const { return high + low; }
};

// Finds the pieces, layer by layer. So far they lie between the flips of the earlier layers, ascending; piece
// k begins at flip k − 1.
class Tracer {
 public:
  Tracer(const Network& net, double length, Index most_flips, const Run& run)
      : net_(net), length_(length), most_flips_(most_flips), run_(run) {}

  LinePieces trace(View<const double> x, View<const double> u) {
    const auto depth = static_cast<Index>(net_.depth());
    // A row for the value at 0, then the slopes on the pieces.
    Matrix rows(2, x.cols);
    std::copy_n(x.data, x.cols, rows.row(0));
    std::copy_n(u.data, x.cols, rows.row(1));
    Matrix z = product(0, rows.view(), Units());
    net_.add_bias(0, Block(0, z.cols), z.row(0));
    for (Index i = 0; i < depth; ++i) {
      found_.bits.emplace_back(at(pattern_bytes(z.cols)));
      const std::vector<Flip> own = flips_of(i, z);
      z = next_layer(i, std::move(z), own);
    }
    finish(z);
    return std::move(found_);
  }

 private:
  struct Matrix {
    Buffer<double> data;
    Index rows, cols;
    Matrix(Index rows_, Index cols_) : data(rows_ * cols_), rows(rows_), cols(cols_) {}
    double* row(Index i) const { return data.get() + i * cols; }
    View<double> view() const { return {data.get(), rows, cols}; }
  };

  Index pieces() const { return static_cast<Index>(found_.flips.size()) + 1; }
  double start(Index piece) const { return piece ? found_.flips[at(piece - 1)].t : 0; }
  double end(Index piece) const { return piece + 1 < pieces() ? start(piece + 1) : length_; }
  Run stage(Index i) const { return run_.stage(i, i + 1, static_cast<Index>(net_.depth() + 1)); }

  Matrix product(Index i, View<const double> rows, Units inputs) const {
    const Layer& layer = *net_.layers()[at(i)];
    Matrix z(rows.rows, layer.fan_out());
    layer.apply(rows, z.view(), stage(i), {Units(), inputs});
    require_finite(z.data.get(), z.rows * z.cols);
    return z;
  }

  // The flips of layer i, whose preactivations at 0 and slopes are the rows of z.
  std::vector<Flip> flips_of(Index i, const Matrix& z) {
    constexpr Index kUnits = 64;  // a multiple of a byte of bits
    const Index blocks = ceil_div(z.cols, kUnits);
    std::vector<std::vector<Flip>> each(at(blocks));
    std::vector<Bits>& bits = found_.bits[at(i)];
    parallel_for(blocks, run_.silent(), [&](Index b) {
      const Block some(b, kUnits, z.cols);
      LongSum here[kUnits];
      bool active[kUnits];
      for (Index j = 0; j < some.count; ++j) {
        const Index unit = some.first + j;
        const double first = z.row(0)[unit], slope = z.row(1)[unit];
        here[j] = {first};
        active[j] = first != 0 ? first > 0 : slope != 0 ? slope > 0 : bit(net_.coins(at(i)), unit);
        set_bit(bits.data(), unit, active[j]);
      }
      for (Index k = 0; k < pieces(); ++k) {
        const double from = start(k), step = end(k) - from;
        const double* slopes = z.row(k + 1) + some.first;
        for (Index j = 0; j < some.count; ++j) {
          const double before = here[j].value();
          here[j].add(step * slopes[j]);
          const double after = here[j].value();
          if (active[j] ? after >= 0 : after <= 0) continue;
          const double t = from + std::clamp(-before / slopes[j], 0.0, step);
          active[j] = !active[j];
          each[at(b)].push_back({std::min(t, length_), i, some.first + j, active[j]});
        }
      }
    });
    std::vector<Flip> own;
    for (const std::vector<Flip>& flips : each) own.insert(own.end(), flips.begin(), flips.end());
    // A unit may flip twice at the same t: then the second one stays the second.
    std::stable_sort(own.begin(), own.end(), [](const Flip& a, const Flip& b) {
      return a.t != b.t ? a.t < b.t : a.unit < b.unit;
    });
    if (static_cast<Index>(own.size() + found_.flips.size()) > most_flips_) throw TooManyFlips();
    return own;
  }

  // What z is for layer i + 1, once the flips of layer i have cut the pieces.
  Matrix next_layer(Index i, Matrix z, const std::vector<Flip>& own) {
    // Piece k of the new ones lies in piece source[k] of the old.
    std::vector<Flip> merged;
    std::vector<Index> source{0};
    std::size_t old = 0, next = 0;
    while (old < found_.flips.size() || next < own.size()) {
      const bool is_own =
          next < own.size() && (old == found_.flips.size() || own[next].t < found_.flips[old].t);
      merged.push_back(is_own ? own[next++] : found_.flips[old++]);
      source.push_back(static_cast<Index>(old));
    }
    found_.flips = std::move(merged);

    // The slopes of the next layer on the first piece, then by how much every flip changes them, written
    // to where the slopes after the flip belong.
    Matrix result(pieces() + 1, net_.layers()[at(i + 1)]->fan_out());
    inherited_changes(i, z, source, result);
    own_changes(i, z, source, result);
    net_.add_bias(at(i + 1), Block(0, result.cols), result.row(0));
    add_up(result);
    require_finite(result.data.get(), result.rows * result.cols);
    return result;
  }

  // Rows of `result`: the value at 0, the slopes on the first piece, and the changes by flips before
  // layer i, which change the slopes of all its units.
  void inherited_changes(Index i, const Matrix& z, const std::vector<Index>& source,
                         Matrix& result) const {
    std::vector<Index> rows{0, 1};
    for (Index k = 0; k + 1 < pieces(); ++k)
      if (found_.flips[at(k)].layer != i) rows.push_back(k + 2);
    std::vector<Bits> bits = found_.bits[at(i)], touched = bits;
    for (const Flip& flip : found_.flips)
      if (flip.layer == i) set_bit(touched.data(), flip.unit, true);
    if (net_.deferred()) std::fill(touched.begin(), touched.end(), Bits{0xff});
    const std::vector<Index> units = units_of(touched.data(), z.cols);

    Index flip = 0;  // `bits` are those before this one
    const auto fill = [&](Index row, double* out) {
      for (; flip + 1 < row; ++flip)
        if (const Flip& f = found_.flips[at(flip)]; f.layer == i)
          set_bit(bits.data(), f.unit, f.active);
      const Index piece = row - 1;
      const double* here = z.row(row < 2 ? row : source[at(piece)] + 1);
      const double* before = row < 2 ? nullptr : z.row(source[at(piece - 1)] + 1);
      for (std::size_t k = 0; k < units.size(); ++k) {
        const Index unit = units[k];
        const double change = before ? here[unit] - before[unit] : here[unit];
        // The value at 0 of a unit at exactly 0 is 0 in either state.
        out[k] = bit(bits.data(), unit) ? change : 0;
      }
    };
    for_blocks(i, rows, result, units, fill);
  }

  // … and the changes by flips of layer i, each of a single unit: multiples of a column of the weights.
  void own_changes(Index i, const Matrix& z, const std::vector<Index>& source,
                   Matrix& result) const {
    struct Own {
      Index unit, row;
      double change;
    };
    std::vector<Own> changes;
    for (Index k = 0; k + 1 < pieces(); ++k)
      if (const Flip& f = found_.flips[at(k)]; f.layer == i) {
        const double slope = z.row(source[at(k)] + 1)[f.unit];
        changes.push_back({f.unit, k + 2, f.active ? slope : -slope});
      }
    std::sort(changes.begin(), changes.end(), [](const Own& a, const Own& b) {
      return a.unit != b.unit ? a.unit < b.unit : a.row < b.row;
    });
    std::vector<Index> units, rows;
    for (const Own& own : changes) {
      if (units.empty() || units.back() != own.unit) units.push_back(own.unit);
      rows.push_back(own.row);
    }
    std::vector<Index> every;
    if (net_.deferred())
      for (Index j = 0; j < z.cols; ++j) every.push_back(j);
    std::size_t next = 0, column = 0;
    const std::vector<Index>& inputs = net_.deferred() ? every : units;
    for_blocks(i, rows, result, inputs, [&](Index, double* out) {
      const Own& own = changes[next++];
      std::fill_n(out, inputs.size(), 0.0);
      if (units[column] != own.unit) ++column;
      out[net_.deferred() ? own.unit : static_cast<Index>(column)] = own.change;
    });
  }

  // Sends rows, which fill(row, out) makes of some units of layer i, through the next layer.
  template <class Fill>
  void for_blocks(Index i, const std::vector<Index>& rows, Matrix& result,
                  const std::vector<Index>& units, const Fill& fill) const {
    const Layer& layer = *net_.layers()[at(i + 1)];
    const Index count = static_cast<Index>(rows.size()), width = static_cast<Index>(units.size());
    if (count == 0) return;
    // As many rows at once as a batch has points; few where more would only take memory.
    const bool few = net_.deferred() || layer.fan_out() == 1;
    const Index size = std::min(count, few ? Index{64} : net_.points_per_block());
    const Matrix block(size, width), found(size, layer.fan_out());
    for (Index b = 0; b < ceil_div(count, size); ++b) {
      const Block some(b, size, count);
      for (Index r = 0; r < some.count; ++r) fill(rows[at(some.first + r)], block.row(r));
      const View<double> out = found.view().middle_rows(0, some.count);
      layer.apply(View<const double>(block.data.get(), some.count, width), out,
                  stage(i + 1).stage(some.first, some.first + some.count, count),
                  {Units(), net_.deferred() ? Units() : Units(units)});
      for (Index r = 0; r < some.count; ++r)
        std::copy_n(out.row(r), out.cols, result.row(rows[at(some.first + r)]));
    }
  }

  // Turns the changes into slopes, with compensated sums.
  void add_up(Matrix& result) const {
    constexpr Index kUnits = 512;
    parallel_for(ceil_div(result.cols, kUnits), run_.silent(), [&](Index b) {
      const Block some(b, kUnits, result.cols);
      std::vector<LongSum> slopes;
      for (Index j = 0; j < some.count; ++j) slopes.push_back({result.row(1)[some.first + j]});
      for (Index r = 2; r < result.rows; ++r)
        for (Index j = 0; j < some.count; ++j) {
          double& entry = result.row(r)[some.first + j];
          slopes[at(j)].add(entry);
          entry = slopes[at(j)].value();
        }
    });
  }

  void finish(const Matrix& z) {
    found_.outputs = z.cols;
    found_.f0.assign(z.row(0), z.row(0) + z.cols);
    std::vector<LongSum> f;
    for (const double value : found_.f0) f.push_back({value});
    for (Index k = 0; k < pieces(); ++k)
      for (Index j = 0; j < z.cols; ++j) {
        const double slope = z.row(k + 1)[j];
        found_.slopes.push_back(slope);
        f[at(j)].add((end(k) - start(k)) * slope);
        if (k + 1 < pieces()) found_.f.push_back(f[at(j)].value());
      }
  }

  const Network& net_;
  double length_;
  Index most_flips_;
  Run run_;
  LinePieces found_;
};

}  // namespace

LinePieces trace_line(const Network& net, View<const double> x, View<const double> u, double length,
                      Index most_flips, const Run& run) {
  return Tracer(net, length, most_flips, run).trace(x, u);
}

}  // namespace randrelu
