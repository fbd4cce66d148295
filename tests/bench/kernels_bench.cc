// How fast matrix multiplication is, beside what the machine can do: for each format, shape and
// number of rows the weights' GB/s and the Gop/s (two a multiplication), as shares of the measured
// stream bandwidth and of the measured vpdpbusd rate.
//
//   kernels_bench [--level L] [--threads N] [--ms T] [--format F] [--shape S] [--rows M]
//                 [--codes 8|15]
//   kernels_bench --peaks      only what the machine can do, as JSON
//
// Weights are cold, as in a model: copies of a matrix are used in turn until they exceed 96 MiB.
// Best of many short windows: on a shared machine the median measures the neighbours.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "kernels/matmul.h"
#include "tests/kernels/matmul_case.h"
#include "worker/engine/worker_team.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cairn {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Options {
  CpuLevel level = DetectCpuLevel();
  int threads = 2;
  double seconds = 0.1;  // a cell
  std::string format, shape;
  size_t rows = 0;
  bool peaks = false;                              // only what the machine can do
  ActivationKind integer = ActivationKind::kInt8;  // of integer formats
};

double BestSeconds(double limit, const std::function<void()>& run) {
  double best = 1e9, total = 0;
  for (int i = 0; i < 5 || total < limit; ++i) {
    const auto begin = SteadyClock::now();
    run();
    const double seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
    best = std::min(best, seconds);
    total += seconds;
  }
  return best;
}

// Bytes a second that all threads together read from memory, in 8 pieces a thread.
double StreamBandwidth(WorkerTeam& team, double seconds) {
  const size_t bytes = size_t{64} << 20;
  WeightMemory memory;
  const std::shared_ptr<std::byte> data = memory.Take(bytes);
  std::memset(data.get(), 1, bytes);
  const size_t tasks = static_cast<size_t>(team.threads()) * 8;
  std::vector<uint64_t> sums(tasks * 8);
  const double best = BestSeconds(seconds, [&] {
    team.Run(tasks, [&](size_t task, int) {
      const size_t count = bytes / tasks / sizeof(uint64_t);
      const auto* const words = reinterpret_cast<const uint64_t*>(data.get()) + task * count;
      uint64_t sum = 0;
      for (size_t i = 0; i < count; i += 8) {
        __builtin_prefetch(words + i + 256);
        for (size_t j = 0; j < 8; ++j) sum += words[i + j];
      }
      sums[task * 8] = sum;
    });
  });
  return static_cast<double>(bytes) / best;
}

#if defined(__x86_64__)
// Twelve independent chains of one instruction on registers, `rounds` times.
#define CAIRN_TWELVE(instruction)                                                            \
  asm volatile(instruction " %1, %0, %%zmm4\n" instruction " %1, %0, %%zmm5\n" instruction   \
                           " %1, %0, %%zmm6\n" instruction " %1, %0, %%zmm7\n" instruction   \
                           " %1, %0, %%zmm8\n" instruction " %1, %0, %%zmm9\n" instruction   \
                           " %1, %0, %%zmm10\n" instruction " %1, %0, %%zmm11\n" instruction \
                           " %1, %0, %%zmm12\n" instruction " %1, %0, %%zmm13\n" instruction \
                           " %1, %0, %%zmm14\n" instruction " %1, %0, %%zmm15\n"             \
               :                                                                             \
               : "v"(a), "v"(b)                                                              \
               : "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",  \
                 "xmm13", "xmm14", "xmm15")

__attribute__((target("avx512f"))) void IntegerLoop(size_t rounds) {
  const __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5);
  for (size_t i = 0; i < rounds; ++i) CAIRN_TWELVE("vpdpbusd");
}
__attribute__((target("avx512f"))) void Bf16Loop(size_t rounds) {
  const __m512i a = _mm512_set1_epi32(0), b = _mm512_set1_epi32(0);
  for (size_t i = 0; i < rounds; ++i) CAIRN_TWELVE("vdpbf16ps");
}
__attribute__((target("avx512f"))) void FloatLoop(size_t rounds) {
  const __m512i a = _mm512_set1_epi32(0), b = _mm512_set1_epi32(0);
  for (size_t i = 0; i < rounds; ++i) CAIRN_TWELVE("vfmadd231ps");
}
#undef CAIRN_TWELVE

#include "kernels/tile_config.inc"

// Twelve products of full tiles, on four tiles of sums; operands are what the tiles held (zeros).
#define CAIRN_TWELVE(instruction)                                                          \
  for (int i = 0; i < 3; ++i) {                                                            \
    asm volatile(instruction " %tmm6, %tmm4, %tmm0\n" instruction                          \
                             " %tmm7, %tmm4, %tmm1\n" instruction                          \
                             " %tmm6, %tmm5, %tmm2\n" instruction " %tmm7, %tmm5, %tmm3"); \
  }
template <typename Body>
void WithTiles(Body body) {
  TileConfig config;
  for (int i = 0; i < 8; ++i) {
    config.row_bytes[i] = 64;
    config.rows[i] = 16;
  }
  asm volatile("ldtilecfg %0" ::"m"(config));
  body();
  asm volatile("tilerelease");
}
void TileIntegerLoop(size_t rounds) {
  WithTiles([&] {
    for (size_t round = 0; round < rounds; ++round) CAIRN_TWELVE("tdpbssd");
  });
}
void TileBf16Loop(size_t rounds) {
  WithTiles([&] {
    for (size_t round = 0; round < rounds; ++round) CAIRN_TWELVE("tdpbf16ps");
  });
}
#undef CAIRN_TWELVE
#endif

// Operations a second that all threads together do; 0 where the machine has no such instruction.
struct Peaks {
  double int8 = 0, bf16 = 0, float32 = 0;
  double tile_int8 = 0, tile_bf16 = 0;
};

Peaks MeasurePeaks(WorkerTeam& team, double seconds) {
  Peaks peaks;
#if defined(__x86_64__)
  if (DetectCpuLevel() < CpuLevel::kAvx512) return peaks;
  const auto rate = [&](void (*loop)(size_t), double operations, size_t rounds = 20000) {
    const double best = BestSeconds(seconds, [&] {
      team.Run(static_cast<size_t>(team.threads()), [&](size_t, int) { loop(rounds); });
    });
    return operations * 12 * static_cast<double>(rounds) * team.threads() / best;
  };
  peaks.int8 = rate(IntegerLoop, 128);
  if (__builtin_cpu_supports("avx512bf16")) peaks.bf16 = rate(Bf16Loop, 64);
  peaks.float32 = rate(FloatLoop, 32);
  if (DetectCpuLevel() == CpuLevel::kAmx) {
    peaks.tile_int8 = rate(TileIntegerLoop, 2 * 16 * 16 * 64, 1000);
    peaks.tile_bf16 = rate(TileBf16Loop, 2 * 16 * 16 * 32, 1000);
  }
#else
  static_cast<void>(team), static_cast<void>(seconds);
#endif
  return peaks;
}

// Of a loop of two tasks a thread that do nothing, the median of many.
double DispatchSeconds(WorkerTeam& team) {
  WorkerTeam::HotSection hot(team);
  std::vector<double> times;
  for (int i = 0; i < 2001; ++i) {
    times.push_back(BestSeconds(
        0, [&] { team.Run(static_cast<size_t>(team.threads()) * 2, [](size_t, int) {}); }));
  }
  std::nth_element(times.begin(), times.begin() + 1000, times.end());
  return times[1000];
}

struct Shape {
  const char* name;
  size_t n, k;
};
constexpr Shape kShapes[] = {
    {"smollm2-qkv", 960, 576},    {"smollm2-o", 576, 576},       {"smollm2-gate_up", 3072, 576},
    {"smollm2-down", 576, 1536},  {"smollm2-head", 49152, 576},  {"gemma3-qkv", 1536, 640},
    {"gemma3-o", 640, 1024},      {"gemma3-gate_up", 4096, 640}, {"gemma3-down", 640, 2048},
    {"gemma3-head", 262144, 640},
};

void BenchCell(const Options& options, WorkerTeam& team, const std::vector<PackedMatrix>& copies,
               size_t rows, double bandwidth, double rate, const char* shape) {
  const MatMulKernels& kernels = MatMulKernelsFor(options.level);
  const PackedMatrix& first = copies.front();
  const std::vector<float> x = RandomRows(rows, first.k(), 1);
  ActivationRows encoded;
  encoded.Shape(ActivationKindFor(kernels, first.format(), options.integer), rows, first.k());
  std::vector<float> out(rows * first.n());
  const double encode = BestSeconds(options.seconds / 10,
                                    [&] { encoded.Encode(kernels, x.data(), first.k(), 0, rows); });
  const PanelSplit split(first, rows, static_cast<size_t>(team.threads()));
  size_t turn = 0;
  WorkerTeam::HotSection hot(team);
  const double best = BestSeconds(options.seconds, [&] {
    const PackedMatrix& w = copies[turn++ % copies.size()];
    team.Run(split.tasks(), [&](size_t task, int) {
      MatMul(kernels, w, split.Of(task), encoded, encoded.tiles(), out.data(), w.n());
    });
  });
  const double bytes = static_cast<double>(first.bytes()) / best;
  const double operations = 2.0 * static_cast<double>(rows * first.n() * first.k()) / best;
  std::printf("%-10s %-16s %4zu %9.1f %8.1f %5.0f%% %8.0f %5.0f%% %8.1f %5zu\n",
              std::string(PackedFormatName(first.format())).c_str(), shape, rows, best * 1e6,
              bytes / 1e9, 100 * bytes / bandwidth, operations / 1e9,
              rate > 0 ? 100 * operations / rate : 0.0, encode * 1e6, split.tasks());
  std::fflush(stdout);
}

void Bench(const Options& options) {
  WorkerTeam team(options.threads, true);
  team.PinCaller();
  const double bandwidth = StreamBandwidth(team, 0.3);
  const Peaks peaks = MeasurePeaks(team, 0.1);
  if (options.peaks) {
    std::printf(
        "{\"memory_gb\": %.2f, \"int8_gop\": %.1f, \"bf16_gop\": %.1f, \"float_gop\": %.1f, "
        "\"tile_int8_gop\": %.1f, \"tile_bf16_gop\": %.1f}\n",
        bandwidth / 1e9, peaks.int8 / 1e9, peaks.bf16 / 1e9, peaks.float32 / 1e9,
        peaks.tile_int8 / 1e9, peaks.tile_bf16 / 1e9);
    return;
  }
  const double rate = peaks.int8;
  const double dispatch = DispatchSeconds(team);
  std::printf("level %s, %d threads: memory %.1f GB/s, vpdpbusd %.0f Gop/s, dispatch %.2f us\n",
              CpuLevelName(options.level).data(), options.threads, bandwidth / 1e9, rate / 1e9,
              dispatch * 1e6);
  std::printf("%-10s %-16s %4s %9s %8s %6s %8s %6s %8s %5s\n", "format", "shape", "rows", "us",
              "GB/s", "", "Gop/s", "", "enc us", "tasks");
  for (const PackedFormat format : AllPackedFormats()) {
    if (!options.format.empty() && options.format != PackedFormatName(format)) continue;
    for (const Shape& shape : kShapes) {
      const bool wanted = std::string(shape.name).find(options.shape) != std::string::npos;
      const size_t bytes = PackedBytes(format, shape.n, shape.k);
      if (!wanted || (options.shape.empty() && bytes > size_t{100} << 20)) continue;
      std::vector<PackedMatrix> copies;
      WeightMemory memory;
      for (size_t total = 0; total < size_t{96} << 20; total += bytes) {
        MatrixPacker packer(format, shape.n, shape.k, memory);
        copies.push_back(std::move(packer).Finish());
        std::memset(const_cast<std::byte*>(copies.back().data()), 1, copies.back().bytes());
      }
      for (const size_t rows : {1, 2, 4, 8, 16, 32, 64, 128, 512}) {
        if (options.rows != 0 && options.rows != rows) continue;
        if (rows > 32 && shape.n > 40000) continue;  // a prefill asks for few rows of logits
        BenchCell(options, team, copies, rows, bandwidth, rate, shape.name);
      }
    }
  }
}

bool Parse(int argc, char** argv, Options& options) {
  options.peaks = argc == 2 && std::strcmp(argv[1], "--peaks") == 0;
  if (options.peaks) return true;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--level") {
      const std::optional<CpuLevel> level = ParseCpuLevel(value);
      if (!level || *level > DetectCpuLevel()) return false;
      options.level = *level;
    } else if (name == "--threads") {
      options.threads = std::max(1, std::atoi(value.c_str()));
    } else if (name == "--ms") {
      options.seconds = std::atof(value.c_str()) / 1000;
    } else if (name == "--format") {
      options.format = value;
    } else if (name == "--shape") {
      options.shape = value;
    } else if (name == "--rows") {
      options.rows = static_cast<size_t>(std::atoi(value.c_str()));
    } else if (name == "--codes" && (value == "8" || value == "15")) {
      options.integer = value == "8" ? ActivationKind::kInt8 : ActivationKind::kInt15;
    } else {
      return false;
    }
  }
  return argc % 2 == 1;
}

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) {
  cairn::Options options;
  if (!cairn::Parse(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: kernels_bench [--level L] [--threads N] [--ms T] [--format F] [--shape S]"
                 " [--rows M] [--codes 8|15]\n       kernels_bench --peaks\n(L one that this "
                 "machine has)\n");
    return 2;
  }
  cairn::Bench(options);
  return 0;
}
