// Prints how far an engine is from the reference, text by text, as Markdown:
//   measure_quality MODEL.gguf RESULTS bf16|int8|q4 [bf16|int8 KV]
#include <cstdio>
#include <cstring>
#include <string>

#include "tests/reference/quality.h"

namespace cairn {
namespace {

void Print(const char* name, const Quality& q) {
  std::printf("| %s | %llu | %.4f | %.4f | %+.3f %% | %.2f %% |\n", name,
              static_cast<unsigned long long>(q.predictions), q.reference_perplexity(),
              q.engine_perplexity(), 100 * q.perplexity_change(), 100 * q.agreement());
  std::fflush(stdout);
}

int Main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s MODEL RESULTS bf16|int8|q4 [bf16|int8]\n", argv[0]);
    return 2;
  }
  QualityRun run{.model = argv[1], .reference = argv[2]};
  run.weights = std::strcmp(argv[3], "bf16") == 0 ? WeightFormat::kBf16
                : std::strcmp(argv[3], "q4") == 0 ? WeightFormat::kQ4
                                                  : WeightFormat::kInt8;
  if (argc > 4 && std::strcmp(argv[4], "int8") == 0) run.kv = KvType::kInt8;
  const auto texts = MeasureQuality(run);
  if (!texts.ok()) {
    std::fprintf(stderr, "%s\n", std::string(texts.status().message()).c_str());
    return 1;
  }
  std::printf(
      "| text | predictions | reference perplexity | engine | change | agreement |\n"
      "|---|---|---|---|---|---|\n");
  Quality all;
  for (const TextQuality& text : *texts) {
    Print(text.name.c_str(), text.quality);
    all.Add(text.quality);
  }
  Print("all", all);
  return 0;
}

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) { return cairn::Main(argc, argv); }
