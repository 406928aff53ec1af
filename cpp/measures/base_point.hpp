// The point around which a network is looked at, evaluated once, in float64.
#pragma once

#include "network/network.hpp"

namespace randrelu {

// Hidden layers count from 0 here.
struct BasePoint {
  // Evaluates the first `layers` hidden layers at x (1, d), and with all of them the gradient if asked for.
  BasePoint(const Network& network, View<const double> x, std::size_t layers, bool with_gradient,
            const Run& run);

  // v W_i D_{i−1} W_{i−1} … D_1 W_1: the gradient (d,) at x of the preactivations of hidden layer i, weighted by
  // v (d_i,).
  std::vector<double> pull_back(std::size_t i, const std::vector<double>& v, const Run& run) const;

  // Throws std::runtime_error where the network has been told to forget meanwhile.
  void require_known() const { net.require_unforgotten(forgotten); }

  View<const double> point() const { return {x.data(), 1, static_cast<Index>(x.size())}; }
  Mask mask() const;

  const Network& net;
  std::vector<double> x;
  std::vector<std::vector<double>> preactivations;  // f̃_i(x), (d_i,)
  std::vector<std::vector<Bits>> bits;
  // With the gradient: that of f by f_i, before the mask of layer i, (d_i,).
  std::vector<std::vector<double>> backward;
  std::vector<double> gradient;  // (d,), or empty
  std::uint64_t forgotten;
};

}  // namespace randrelu
