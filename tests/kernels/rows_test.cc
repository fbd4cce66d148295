#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "kernels/row_kernels.h"
#include "kvstore/base/prng.h"
#include "tests/kernels/levels.h"

namespace cairn {
namespace {

std::vector<float> Draw(Prng& prng, size_t count, double range) {
  std::vector<float> x(count);
  for (float& v : x) v = static_cast<float>((prng.Uniform() * 2 - 1) * range);
  return x;
}

bool Near(float got, double expected, double relative, double absolute = 0) {
  return std::fabs(static_cast<double>(got) - expected) <=
         relative * std::fabs(expected) + absolute;
}

TEST_CASE("a norm divides by the root mean square and leaves what lies beyond the row") {
  Prng prng(21);
  for (const CpuLevel level : RunnableLevels()) {
    for (const uint32_t dim : {1u, 7u, 64u, 80u, 576u, 4097u}) {
      const size_t stride = dim + 3;
      const std::vector<float> x = Draw(prng, 3 * stride, 5), weight = Draw(prng, dim, 2);
      std::vector<float> out(3 * stride, -77.0f);
      RowKernelsFor(level).rms_norm({.x = x.data(),
                                     .x_stride = stride,
                                     .weight = weight.data(),
                                     .epsilon = 1e-5f,
                                     .rows = 3,
                                     .dim = dim,
                                     .out = out.data(),
                                     .out_stride = stride});
      for (size_t r = 0; r < 3; ++r) {
        double squares = 0;
        for (size_t i = 0; i < dim; ++i) squares += std::pow(x[r * stride + i], 2);
        const double inverse = 1 / std::sqrt(squares / dim + static_cast<double>(1e-5f));
        for (size_t i = 0; i < dim; ++i) {
          REQUIRE(Near(out[r * stride + i], x[r * stride + i] * inverse * weight[i], 1e-6));
        }
        for (size_t i = dim; i < stride; ++i) REQUIRE(out[r * stride + i] == -77.0f);
      }
    }
  }
}

TEST_CASE("rope turns each pair by its angle, in both styles, and no value beyond") {
  Prng prng(22);
  const std::vector<float> factors = {1, 2, 8, 1, 1.5f, 1, 1, 1, 4, 1, 1, 1, 1, 1, 1, 1, 32};
  for (const CpuLevel level : RunnableLevels()) {
    for (const RopeStyle style : {RopeStyle::kInterleaved, RopeStyle::kHalves}) {
      for (const uint32_t rotary : {34u, 64u, 80u}) {
        const uint32_t head_dim = 80, heads = 3;
        RopeScaling scaling{.linear = 2.0};
        if (rotary == 34) scaling.factors = factors;
        const std::vector<double> frequencies = RopeFrequencies(rotary, 10000, scaling);
        const std::vector<uint32_t> positions = {0, 5, 131071};
        std::vector<float> angles(3 * rotary);
        FillRopeAngles(frequencies, positions, angles.data());
        const std::vector<float> before = Draw(prng, 3 * heads * head_dim, 3);
        std::vector<float> x = before;
        RowKernelsFor(level).rope({.x = x.data(),
                                   .x_stride = heads * head_dim,
                                   .rows = 3,
                                   .heads = heads,
                                   .head_dim = head_dim,
                                   .rotary_dim = rotary,
                                   .style = style,
                                   .angles = angles.data()});
        for (size_t vector = 0; vector < 3 * heads; ++vector) {
          const float* from = before.data() + vector * head_dim;
          const float* to = x.data() + vector * head_dim;
          for (uint32_t i = 0; i < rotary / 2; ++i) {
            double frequency = std::pow(10000.0, -2.0 * i / rotary) / 2;
            if (rotary == 34) frequency /= static_cast<double>(factors[i]);
            const double angle = positions[vector / heads] * frequency;
            const uint32_t a = style == RopeStyle::kHalves ? i : 2 * i;
            const uint32_t b = style == RopeStyle::kHalves ? i + rotary / 2 : 2 * i + 1;
            REQUIRE(Near(to[a], from[a] * std::cos(angle) - from[b] * std::sin(angle), 0, 2e-6));
            REQUIRE(Near(to[b], from[a] * std::sin(angle) + from[b] * std::cos(angle), 0, 2e-6));
          }
          for (uint32_t i = rotary; i < head_dim; ++i) REQUIRE(to[i] == from[i]);
        }
      }
    }
  }
}

TEST_CASE("activations follow their formulas, to both ends of the range") {
  Prng prng(23);
  for (const CpuLevel level : RunnableLevels()) {
    std::vector<float> gate = Draw(prng, 1000, 12);
    for (const float x : {0.0f, -0.0f, 80.0f, -80.0f, 300.0f, -300.0f, 1e-20f, -1e30f, 1e30f}) {
      gate.push_back(x);
    }
    const std::vector<float> up = Draw(prng, gate.size(), 2);
    std::vector<float> silu(gate.size()), gelu = gate;
    RowKernelsFor(level).silu_mul(gate.data(), up.data(), silu.data(), gate.size());
    RowKernelsFor(level).gelu_mul(gelu.data(), up.data(), gelu.data(), gate.size());
    for (size_t i = 0; i < gate.size(); ++i) {
      const double x = gate[i], y = up[i];
      CAPTURE(LevelName(level), x);
      REQUIRE(Near(silu[i], x / (1 + std::exp(-x)) * y, 2e-6, 1e-30));
      const double inner = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
      // 1 + tanh cancels for negative x: in this form it does not.
      REQUIRE(Near(gelu[i], x / (1 + std::exp(-2 * inner)) * y, 1e-5, 1e-30));
    }
  }
}

TEST_CASE("the highest logit is the first of its value, and NaN never wins") {
  for (const CpuLevel level : RunnableLevels()) {
    const RowKernels& rows = RowKernelsFor(level);
    Prng prng(24);
    for (const size_t count : {1u, 15u, 16u, 17u, 1000u}) {
      std::vector<float> x = Draw(prng, count, 3);
      const size_t at = prng.Below(count);
      for (size_t i = at; i < count; i += 3) x[i] = 5;
      if (at > 0) x[0] = std::nanf("");
      CHECK(rows.max(x.data(), count).index == at);
      CHECK(rows.max(x.data(), count).value == 5);
    }
    const std::vector<float> none(20, -INFINITY);
    CHECK(rows.max(none.data(), 20).index == 0);
  }
}

TEST_CASE("the soft maximum and its logarithm agree with double precision over a vocabulary") {
  for (const CpuLevel level : RunnableLevels()) {
    const RowKernels& rows = RowKernelsFor(level);
    Prng prng(25);
    for (const size_t count : {1u, 33u, 49152u}) {
      std::vector<float> x = Draw(prng, count, 20);
      if (count > 1) x[1] = -INFINITY;
      double top = -1e300, sum = 0, hot = 0;
      for (const float v : x) top = std::max(top, static_cast<double>(v));
      for (const float v : x) {
        sum += std::exp(v - top);
        hot += std::exp((v - top) / 0.7);
      }
      CHECK(std::fabs(rows.log_sum_exp(x.data(), count) - (top + std::log(sum))) < 2e-6);
      std::vector<float> out(count);
      const double total = rows.soft_max(x.data(), 1 / 0.7f, out.data(), count);
      CHECK(std::fabs(total / hot - 1) < 1e-5);
      for (size_t i = 0; i < count; i += 1 + count / 999) {
        const double expected = std::exp((x[i] - top) / static_cast<double>(0.7f));
        REQUIRE(Near(out[i], expected, 5e-6, 1e-37));
      }
    }
  }
}

TEST_CASE("half floats of every pattern widen exactly, and bf16 rounds to nearest even") {
  for (const CpuLevel level : RunnableLevels()) {
    const RowKernels& rows = RowKernelsFor(level);
    std::vector<uint16_t> all(65536);
    std::iota(all.begin(), all.end(), uint16_t{0});
    std::vector<float> wide(65536);
    rows.widen_f16(all.data(), wide.data(), all.size());
    for (uint32_t i = 0; i < 65536; ++i) {
      const int exponent = (i >> 10) & 31, fraction = i & 1023;
      double expected =
          exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 1024, exponent - 25);
      if (exponent == 31) expected = fraction == 0 ? INFINITY : NAN;
      if (i & 0x8000) expected = -expected;
      REQUIRE(
          (std::isnan(expected) ? std::isnan(wide[i]) : static_cast<double>(wide[i]) == expected));
      REQUIRE((std::isnan(wide[i]) || std::signbit(wide[i]) == ((i & 0x8000) != 0)));
    }
    rows.widen_bf16(all.data(), wide.data(), all.size());
    std::vector<uint16_t> back(65536);
    rows.narrow_bf16(wide.data(), back.data(), wide.size());
    for (uint32_t i = 0; i < 65536; ++i) {
      REQUIRE((std::isnan(wide[i]) ? (back[i] & 0x7fff) > 0x7f80 : back[i] == i));
    }
    const std::vector<float> ties = {1.00390625f, 1.01171875f, 1.0039065f, 3.4e38f};
    rows.narrow_bf16(ties.data(), back.data(), ties.size());
    CHECK(back[0] == 0x3f80);
    CHECK(back[1] == 0x3f82);
    CHECK(back[2] == 0x3f81);
    CHECK(back[3] == 0x7f80);
  }
}

TEST_CASE("sums and products of rows touch count values and no more") {
  for (const CpuLevel level : RunnableLevels()) {
    std::vector<float> x(40), y(40, 2.0f);
    std::iota(x.begin(), x.end(), 0.0f);
    RowKernelsFor(level).add(x.data(), y.data(), 21);
    RowKernelsFor(level).scale(x.data(), 3.0f, 19);
    for (size_t i = 0; i < 40; ++i) {
      const float expected = static_cast<float>(i) + (i < 21 ? 2.0f : 0.0f);
      CHECK(x[i] == (i < 19 ? expected * 3 : expected));
    }
  }
}

}  // namespace
}  // namespace cairn
