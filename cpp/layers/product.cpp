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

template <class T>
void add_product(T factor, Tile<const T> x, Tile<const T> w, Tile<T> y) {
  map(y).noalias() += factor * map(x) * map(w);
}

template <class T>
void add_product_transposed(T factor, Tile<const T> x, Tile<const T> w, Tile<T> y) {
  map(y).noalias() += factor * map(x) * map(w).transpose();
}

template void add_product(float, Tile<const float>, Tile<const float>, Tile<float>);
template void add_product(double, Tile<const double>, Tile<const double>, Tile<double>);
template void add_product_transposed(float, Tile<const float>, Tile<const float>, Tile<float>);
template void add_product_transposed(double, Tile<const double>, Tile<const double>, Tile<double>);

const char* eigen_version() {
  static const std::string version = std::to_string(EIGEN_MAJOR_VERSION) + "." +
                                     std::to_string(EIGEN_MINOR_VERSION) + "." +
                                     std::to_string(EIGEN_PATCH_VERSION);
  return version.c_str();
}

}  // namespace randrelu
