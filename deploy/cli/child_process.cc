#include "deploy/cli/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace cairn {
namespace {

constexpr int kTickMilliseconds = 200;
constexpr size_t kOutputBytesMax = 64 << 10;

std::vector<std::string> MergedEnvironment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!added.contains(text.substr(0, text.find('=')))) merged.push_back(text);
  }
  for (const auto& [name, value] : added) merged.push_back(absl::StrCat(name, "=", value));
  return merged;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Reads until the other side closes, keeping the tail.
std::string ReadAll(int fd, const std::function<void()>& every_tick) {
  std::string output;
  std::array<char, 4096> buffer;
  while (true) {
    pollfd waiting = {.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = poll(&waiting, 1, kTickMilliseconds);
    every_tick();
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t count = read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return output;
    output.append(buffer.data(), static_cast<size_t>(count));
    if (output.size() > 2 * kOutputBytesMax) output.erase(0, output.size() - kOutputBytesMax);
  }
}

}  // namespace

absl::StatusOr<ChildResult> RunChild(const std::vector<std::string>& command,
                                     const std::map<std::string, std::string>& environment,
                                     const std::function<void()>& every_tick) {
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return absl::InternalError(absl::StrCat("cannot make a pipe: ", std::strerror(errno)));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  std::vector<std::string> arguments = command;
  std::vector<std::string> variables = MergedEnvironment(environment);
  pid_t pid = 0;
  const int failure = posix_spawnp(&pid, command.front().c_str(), &actions, nullptr,
                                   Pointers(arguments).data(), Pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (failure != 0) {
    close(ends[0]);
    return absl::NotFoundError(
        absl::StrCat("cannot run ", command.front(), ": ", std::strerror(failure)));
  }
  ChildResult result;
  result.output = ReadAll(ends[0], every_tick);
  close(ends[0]);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace cairn
