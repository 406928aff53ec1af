#include "layers/product.hpp"

#include <Eigen/Core>
#include <string>
#include <type_traits>

#if !EIGEN_VERSION_AT_LEAST(5, 0, 0)
#error "randrelu needs Eigen 5 or newer"
#endif

namespace randrelu {
namespace {

template <class T>
auto map(Tile<T> a) {
  using RowMajor =
      Eigen::Matrix<std::remove_const_t<T>, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Matrix = std::conditional_t<std::is_const_v<T>, const RowMajor, RowMajor>;
  return Eigen::Map<Matrix, 0, Eigen::OuterStride<>>(a.data, a.rows, a.cols,
                                                     Eigen::OuterStride<>(a.stride));
}

}  // namespace

// Flattened, so that the compiler sees that nothing is scaled: it then leaves out Eigen's kernels that
// scale, which for AVX-512 take it longer than all the rest.
template <class T>
__attribute__((flatten)) void add_product(Tile<const T> x, Tile<const T> w, Tile<T> y) {
  map(y).noalias() += map(x) * map(w);
}

template <class T>
__attribute__((flatten)) void add_product_transposed(Tile<const T> x, Tile<const T> w, Tile<T> y) {
  map(y).noalias() += map(x) * map(w).transpose();
}

template void add_product(Tile<const float>, Tile<const float>, Tile<float>);
template void add_product(Tile<const double>, Tile<const double>, Tile<double>);
template void add_product_transposed(Tile<const float>, Tile<const float>, Tile<float>);
template void add_product_transposed(Tile<const double>, Tile<const double>, Tile<double>);

const char* eigen_version() {
  static const std::string version = std::to_string(EIGEN_MAJOR_VERSION) + "." +
                                     std::to_string(EIGEN_MINOR_VERSION) + "." +
                                     std::to_string(EIGEN_PATCH_VERSION);
  return version.c_str();
}

}  // namespace randrelu
