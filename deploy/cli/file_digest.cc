#include "deploy/cli/file_digest.h"

#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <memory>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "kvstore/base/check.h"

namespace cairn {
namespace {

constexpr size_t kReadBytes = 1 << 20;

struct DigestFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

absl::StatusOr<std::string> FileSha256(const std::filesystem::path& path,
                                       const std::function<void(uint64_t)>& progress) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat("cannot open ", path.string()));
  const std::unique_ptr<EVP_MD_CTX, DigestFree> context(EVP_MD_CTX_new());
  CAIRN_CHECK(context != nullptr);
  CAIRN_CHECK_EQ(EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr), 1);
  std::vector<char> buffer(kReadBytes);
  uint64_t done = 0;
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const auto count = static_cast<size_t>(in.gcount());
    CAIRN_CHECK_EQ(EVP_DigestUpdate(context.get(), buffer.data(), count), 1);
    done += count;
    progress(done);
  }
  if (in.bad()) return absl::DataLossError(absl::StrCat("cannot read all of ", path.string()));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int length = 0;
  CAIRN_CHECK_EQ(EVP_DigestFinal_ex(context.get(), digest.data(), &length), 1);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), length});
}

}  // namespace cairn
