// A configuration file of any bytes: settings or an error that names the place, never a crash.
#include <cstddef>
#include <cstdint>
#include <string>

#include "deploy/cli/config.h"
#include "kvstore/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static CLI::App* app = [] {
    static CLI::App up("serve", "up");
    static std::string model;
    static std::vector<std::string> stop;
    static bool reflection = false;
    up.add_option("--model", model, "");
    up.add_option("--stop", stop, "");
    cairn::AddSwitch(up, "reflection", reflection, "");
    return &up;
  }();
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto settings = cairn::SettingsFromYaml(*app, text, "f.yaml");
  if (!settings.ok()) CAIRN_CHECK_EQ(settings.status().message().find("f.yaml:"), 0u);
  return 0;
}
