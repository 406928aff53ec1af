#include "network/network.hpp"

#include <pybind11/native_enum.h>

#include "bindings/arrays.hpp"
#include "layers/deferred.hpp"
#include "layers/explicit.hpp"
#include "layers/margin.hpp"
#include "layers/stored.hpp"
#include "layers/streamed.hpp"

namespace randrelu {
namespace {

// Normal biases of all layers, float32 values; none where their standard deviation is 0.
Biases random_biases(const std::vector<Index>& widths, std::uint64_t seed, double deviation) {
  Biases biases;
  for (std::size_t i = 1; deviation > 0 && i < widths.size(); ++i) {
    std::vector<float> values(at(widths[i]));
    const Stream stream{seed, Purpose::biases, static_cast<std::uint32_t>(i)};
    normals(stream, static_cast<float>(deviation), 0, widths[i], values.data());
    biases.emplace_back(values.begin(), values.end());
  }
  return biases;
}

// `float32`: what a deferred layer reveals is held in float32.
Network random_network(const std::vector<Index>& widths, std::uint64_t seed,
                       const std::vector<double>& scales, double bias, const std::string& storage,
                       bool float32, int threads) {
  const py::gil_scoped_release release;
  Biases biases = random_biases(widths, seed, bias);
  if (storage == "deferred")
    return Network(float32 ? deferred_layers<float>(widths, seed, scales)
                           : deferred_layers<double>(widths, seed, scales),
                   std::move(biases), seed);
  Layers layers;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    const Stream stream{seed, Purpose::weights, static_cast<std::uint32_t>(i + 1)};
    const auto scale = static_cast<float>(scales[i]);
    if (storage == "stored")
      layers.push_back(std::make_shared<StoredLayer<float>>(widths[i + 1], widths[i], stream, scale,
                                                            Run{threads}));
    else
      layers.push_back(std::make_shared<StreamedLayer>(widths[i + 1], widths[i], stream, scale));
  }
  return Network(std::move(layers), std::move(biases), seed);
}

template <class W>
Network network_from_weights(const std::vector<Array<W>>& weights,
                             const std::vector<std::optional<Array<double>>>& given,
                             std::uint64_t seed, Ties ties) {
  if (weights.empty()) throw py::value_error("a network has a layer");
  if (given.size() != weights.size()) throw py::value_error("a bias, or None, for each layer");
  std::vector<View<const W>> matrices;
  Biases biases(given.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    matrices.push_back(matrix(weights[i]));
    if (!given[i]) continue;
    if (given[i]->size() != matrices[i].rows) throw py::value_error("a bias does not fit");
    biases[i].assign(given[i]->data(), given[i]->data() + given[i]->size());
  }
  const py::gil_scoped_release release;
  Layers layers;
  for (const View<const W>& w : matrices) layers.push_back(std::make_shared<StoredLayer<W>>(w));
  return Network(std::move(layers), std::move(biases), seed, ties);
}

template <class T>
std::vector<Array<T>> hidden_arrays(const Network& net, Index points) {
  std::vector<Array<T>> arrays;
  for (std::size_t i = 0; i < net.depth(); ++i) arrays.emplace_back(Shape{points, net.width(i)});
  return arrays;
}

std::vector<Array<Bits>> bit_arrays(const Network& net, Index points) {
  std::vector<Array<Bits>> arrays;
  for (std::size_t i = 0; i < net.depth(); ++i)
    arrays.emplace_back(Shape{points, pattern_bytes(net.width(i))});
  return arrays;
}

template <class T>
std::vector<T*> pointers(std::vector<Array<T>>& arrays) {
  std::vector<T*> data;
  for (Array<T>& a : arrays) data.push_back(a.mutable_data());
  return data;
}

template <class T>
void evaluate(const Network& net, const Array<T>& x, const Outputs<T>& out, int threads,
              const py::object& progress, bool remember = true) {
  const View<const T> points = matrix(x);
  if (points.cols != net.input_dim()) throw py::value_error("x has the wrong dimension");
  const double weights = (out.gradients ? 2 : 1) * net.weights();
  const Report report(progress, weights * static_cast<double>(points.rows));
  {
    const py::gil_scoped_release release;
    const Network::Alone alone(net);
    net.evaluate(points, out, report.run(threads), remember);
  }
  report.finish();
}

// What was asked for; the rest is None.
struct Evaluated {
  py::object values = py::none(), bits = py::none(), gradients = py::none();
};

template <class T>
Evaluated evaluated(const Network& net, const Array<T>& x, bool values, bool bits, bool gradients,
                    bool remember, int threads, const py::object& progress) {
  Evaluated found;
  Outputs<T> out;
  if (gradients && net.outputs() > 1) throw py::value_error("a gradient of several outputs");
  if (values) {
    const Index k = net.outputs();
    Array<T> a(k == 1 ? Shape{x.shape(0)} : Shape{x.shape(0), k});
    out.values = a.mutable_data();
    found.values = std::move(a);
  }
  if (bits) {
    auto arrays = bit_arrays(net, x.shape(0));
    out.bits = pointers(arrays);
    found.bits = py::cast(std::move(arrays));
  }
  if (gradients) {
    Array<T> a(Shape{x.shape(0), net.input_dim()});
    out.gradients = a.mutable_data();
    found.gradients = std::move(a);
  }
  evaluate(net, x, out, threads, progress, remember);
  return found;
}

// One array per hidden layer: either member of Outputs that has them.
template <class T, std::vector<T*> Outputs<T>::* Member>
std::vector<Array<T>> hidden_layers(const Network& net, const Array<T>& x, int threads,
                                    const py::object& progress) {
  auto arrays = hidden_arrays<T>(net, x.shape(0));
  Outputs<T> out;
  out.*Member = pointers(arrays);
  evaluate(net, x, out, threads, progress);
  return arrays;
}

// A read-only view of stored weights, which keeps the network alive.
template <class W>
py::object view_of(const StoredLayer<W>& layer, const py::object& owner) {
  const View<const W> w = layer.weights();
  return Array<W>(Shape{w.rows, w.cols}, w.data, owner);
}

py::object generated(const StreamedLayer& layer) {
  Array<float> w(Shape{layer.fan_out(), layer.fan_in()});
  float* out = w.mutable_data();
  {
    const py::gil_scoped_release release;
    layer.generate(out, Run{});
  }
  return w;
}

py::object weights(const py::object& self, std::size_t i) {
  const auto& own = self.cast<const Network&>().layers().at(i);
  const auto held = with_own_weights(own);
  const Layer* const layer = held.get();
  py::object w;
  if (held != own)  // of a margin: nobody else holds them
    w = view_of(dynamic_cast<const StoredLayer<double>&>(*layer), py::none()).attr("copy")();
  else if (const auto* single = dynamic_cast<const StoredLayer<float>*>(layer))
    w = view_of(*single, self);
  else if (const auto* streamed = dynamic_cast<const StreamedLayer*>(layer))
    w = generated(*streamed);
  else
    w = view_of(dynamic_cast<const StoredLayer<double>&>(*layer), self);
  w.attr("setflags")(py::arg("write") = false);
  return w;
}

// (d_i,), or None where the layer has none.
py::object bias(const Network& net, std::size_t i) {
  if (i > net.depth()) throw py::index_error("no such layer");
  const std::vector<double>& b = net.bias(i);
  return b.empty() ? py::object(py::none()) : array_of(b);
}

Network margin(const Network& net, Index top, Index other) {
  const Index k = net.outputs();
  if (top < 0 || std::max(top, other) >= k || top == other)
    throw py::value_error("no such outputs");
  return net.margin(top, other);
}

// What the layers have revealed, an entry for each.
struct Revealed {
  std::vector<Index> forward, backward;  // questions from the right, and from the left
  std::vector<std::size_t> nbytes;
};

Revealed revealed(const Network& net) {
  const py::gil_scoped_release release;
  const Network::Alone alone(net);
  Revealed found;
  for (const auto& layer : net.layers()) {
    const Mark mark = layer->mark();
    found.forward.push_back(mark.forward);
    found.backward.push_back(mark.backward);
    found.nbytes.push_back(layer->nbytes());
  }
  return found;
}

void forget(const Network& net) {
  const py::gil_scoped_release release;
  const Network::Alone alone(net);
  net.forget();
}

template <class T, class Class>
void bind_arithmetic(Class& network) {
  network
      .def("evaluate", evaluated<T>, py::arg("x").noconvert(), py::kw_only(), py::arg("values"),
           py::arg("bits"), py::arg("gradients"), py::arg("remember"), py::arg("threads"),
           py::arg("progress"))
      .def("preactivations", hidden_layers<T, &Outputs<T>::preactivations>,
           py::arg("x").noconvert(), py::kw_only(), py::arg("threads"), py::arg("progress"))
      .def("activations", hidden_layers<T, &Outputs<T>::activations>, py::arg("x").noconvert(),
           py::kw_only(), py::arg("threads"), py::arg("progress"));
}

}  // namespace

void bind_network(py::module_& m) {
  py::class_<Evaluated>(m, "Evaluated")
      .def_readonly("values", &Evaluated::values)
      .def_readonly("bits", &Evaluated::bits)
      .def_readonly("gradients", &Evaluated::gradients);
  py::class_<Revealed>(m, "Revealed")
      .def_readonly("forward", &Revealed::forward)
      .def_readonly("backward", &Revealed::backward)
      .def_readonly("nbytes", &Revealed::nbytes);
  py::native_enum<Ties>(m, "Ties", "enum.Enum")
      .value("coin", Ties::coin)
      .value("zero", Ties::zero)
      .value("one", Ties::one)
      .finalize();
  py::class_<Network> network(m, "Network");
  network
      .def_static("random", random_network, py::arg("widths"), py::kw_only(), py::arg("seed"),
                  py::arg("scales"), py::arg("bias"), py::arg("storage"), py::arg("float32"),
                  py::arg("threads"))
      .def_static("from_weights", network_from_weights<float>, py::arg("weights").noconvert(),
                  py::arg("biases"), py::kw_only(), py::arg("seed"), py::arg("ties"))
      .def_static("from_weights", network_from_weights<double>, py::arg("weights").noconvert(),
                  py::arg("biases"), py::kw_only(), py::arg("seed"), py::arg("ties"))
      .def("margin", margin, py::arg("top"), py::arg("other"))
      .def("weights", weights, py::arg("i"))
      .def("bias", bias, py::arg("i"))
      .def_property_readonly("has_biases", &Network::has_biases)
      .def_property_readonly("forgotten", &Network::forgotten)
      .def("revealed", revealed)
      .def("forget", forget)
      .def_property_readonly("nbytes", &Network::nbytes);
  m.attr("MOST_POINTS") = kMostPoints;
  bind_arithmetic<float>(network);
  bind_arithmetic<double>(network);
}

}  // namespace randrelu
