#include "measures/plane/subdivision.hpp"

#include "bindings/arrays.hpp"

namespace randrelu {
namespace {

// Numbers that a subdivision holds, without a copy: the array keeps it alive.
template <class T>
Array<T> held(const py::object& owner, const T* data, Shape shape) {
  return Array<T>(std::move(shape), data, owner);
}

const Mesh& mesh_in(const py::object& owner) { return owner.cast<const Subdivision&>().mesh; }

Array<double> vertices_of(const py::object& owner) {
  static_assert(sizeof(Point) == 2 * sizeof(double));
  const std::vector<Point>& points = mesh_in(owner).vertices;
  return held(owner, &points.front().s, {static_cast<py::ssize_t>(points.size()), 2});
}

Array<double> outputs_at_vertices(const py::object& owner) {
  const auto& found = owner.cast<const Subdivision&>();
  return held(owner, found.f.data(),
              {static_cast<py::ssize_t>(found.mesh.vertices.size()), found.outputs});
}

Array<std::int64_t> face_starts(const Subdivision& found) {
  Array<std::int64_t> array(static_cast<py::ssize_t>(found.mesh.starts.size()));
  std::copy(found.mesh.starts.begin(), found.mesh.starts.end(), array.mutable_data());
  return array;
}

Array<std::int64_t> face_vertices(const Subdivision& found) {
  const Mesh& mesh = found.mesh;
  Array<std::int64_t> array(static_cast<py::ssize_t>(mesh.halves.size()));
  std::transform(mesh.halves.begin(), mesh.halves.end(), array.mutable_data(),
                 [&](Half half) { return mesh.start(half); });
  return array;
}

// What is true of every edge, as an array.
template <class T, class Value>
Array<T> of_edges(const Subdivision& found, const Value& value) {
  Array<T> array(static_cast<py::ssize_t>(found.mesh.edges.size()));
  std::transform(found.mesh.edges.begin(), found.mesh.edges.end(), array.mutable_data(), value);
  return array;
}

Array<std::int64_t> edge_ends(const Subdivision& found) {
  Array<std::int64_t> array(Shape{static_cast<py::ssize_t>(found.mesh.edges.size()), 2});
  std::int64_t* out = array.mutable_data();
  for (const Edge& edge : found.mesh.edges) {
    *out++ = edge.from;
    *out++ = edge.to;
  }
  return array;
}

// The face on the left of every edge, and that on its right, or −1.
Array<std::int64_t> edge_faces(const Subdivision& found) {
  const Mesh& mesh = found.mesh;
  Array<std::int64_t> array(Shape{static_cast<py::ssize_t>(mesh.edges.size()), 2});
  std::int64_t* const sides = array.mutable_data();
  std::fill_n(sides, array.size(), -1);
  for (Index f = 0; f < mesh.faces(); ++f)
    for (Id k = mesh.starts[at(f)]; k < mesh.starts[at(f + 1)]; ++k) sides[mesh.halves[at(k)]] = f;
  return array;
}

std::vector<Array<Bits>> face_patterns(const py::object& owner) {
  const auto& found = owner.cast<const Subdivision&>();
  const py::ssize_t faces = found.mesh.faces();
  std::vector<Array<Bits>> arrays;
  for (const std::vector<Bits>& layer : found.bits)
    arrays.push_back(
        held(owner, layer.data(), {faces, static_cast<py::ssize_t>(layer.size()) / faces}));
  return arrays;
}

Subdivision subdivided(const Network& net, const Array<double>& x, const Array<double>& u,
                       const Array<double>& v, const Array<double>& polygon, Index most_faces,
                       int threads, const py::object& progress, std::optional<Index> most_held) {
  if (x.size() != net.input_dim() || u.size() != x.size() || v.size() != x.size())
    throw py::value_error("x, u or v has the wrong dimension");
  const View<const double> corners = matrix(polygon);
  if (corners.rows < 3 || corners.cols != 2) throw py::value_error("polygon must be (M, 2)");
  std::vector<Point> points;
  for (Index k = 0; k < corners.rows; ++k) points.push_back({corners.row(k)[0], corners.row(k)[1]});
  const auto row = [](const Array<double>& a) { return View<const double>(a.data(), 1, a.size()); };
  const View<const double> origin = row(x), first = row(u), second = row(v);
  const Report report(progress, 1000);  // per mille
  Subdivision found;
  {
    const py::gil_scoped_release release;
    const Network::Alone alone(net);
    found = subdivide(net, origin, first, second, points, std::min(most_faces, kMostFaces),
                      most_held.value_or(net.deferred() ? kMostHeldDeferred : kMostHeld),
                      report.run(threads));
  }
  report.finish();
  return found;
}

}  // namespace

void bind_subdivision(py::module_& m) {
  py::class_<Subdivision>(m, "Subdivision")
      .def_property_readonly("vertices", vertices_of)
      .def_property_readonly("outputs", outputs_at_vertices)
      .def_property_readonly("face_start", face_starts)
      .def_property_readonly("face_vertices", face_vertices)
      .def_property_readonly("edges", edge_ends)
      .def_property_readonly("edge_faces", edge_faces)
      .def_property_readonly("edge_layer",  // from 1; 0 for the border
                             [](const Subdivision& s) {
                               return of_edges<std::int32_t>(
                                   s, [](const Edge& edge) { return edge.layer; });
                             })
      .def_property_readonly("edge_unit",
                             [](const Subdivision& s) {
                               return of_edges<std::int64_t>(
                                   s, [](const Edge& edge) { return edge.unit; });
                             })
      .def_property_readonly("patterns", face_patterns);
  m.def("subdivide", subdivided, py::arg("network"), py::arg("x").noconvert(),
        py::arg("u").noconvert(), py::arg("v").noconvert(), py::arg("polygon").noconvert(),
        py::arg("most_faces"), py::arg("threads"), py::arg("progress"),
        py::arg("most_held") = py::none());
  // Its arguments are the number of faces that were allowed, and the layer, from 1, whose faces are more.
  static PyObject* const too_many =
      PyErr_NewException("randrelu._core.TooManyFaces", PyExc_MemoryError, nullptr);
  m.attr("TooManyFaces") = py::reinterpret_borrow<py::object>(too_many);
  py::register_local_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const TooManyFaces& e) {
      PyErr_SetObject(too_many, py::make_tuple(e.faces, e.layer).ptr());
    }
  });
}

}  // namespace randrelu
