#include "measures/row_space.hpp"

#include "bindings/arrays.hpp"
#include "layers/margin.hpp"
#include "network/network.hpp"

namespace randrelu {
namespace {

std::optional<double> norm_in_row_space(const Network& net, const Array<double>& x, int threads,
                                        const py::object& progress) {
  if (x.size() != net.input_dim()) throw py::value_error("x has the wrong dimension");
  const View<const double> point(x.data(), 1, x.size());
  const Report report(progress, 1000);  // per mille
  std::optional<double> found;
  {
    const py::gil_scoped_release release;
    found = row_space_norm(*with_own_weights(net.layers().front()), point, report.run(threads));
  }
  report.finish();
  return found;
}

}  // namespace

void bind_row_space(py::module_& m) {
  m.attr("GRAM_SUMMANDS") = kGramSummands;
  m.attr("ROW_SPACE_ACCURACY") = kRowSpaceAccuracy;
  m.def("row_space_norm", norm_in_row_space, py::arg("network"), py::arg("x").noconvert(),
        py::kw_only(), py::arg("threads"), py::arg("progress"));
}

}  // namespace randrelu
