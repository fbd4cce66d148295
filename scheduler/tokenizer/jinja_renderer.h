// Runs a template's tree over values and collects the text. Bounded in steps, bytes and depth; the
// first error sticks: after it every value is undefined, every loop ends, and nothing more is
// written.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "scheduler/tokenizer/civil_time.h"
#include "scheduler/tokenizer/jinja_ast.h"
#include "scheduler/tokenizer/jinja_builtins.h"
#include "scheduler/tokenizer/jinja_value.h"

namespace cairn::jinja {

// What one rendering may cost. A chat of a hundred turns takes about 10^4 steps.
struct RenderLimits {
  uint64_t steps = 20'000'000;  // nodes evaluated, items visited, and 32 bytes of text each
  size_t output_bytes = 16 << 20;
  size_t string_bytes = 16 << 20;  // of any one string on the way
  size_t made_bytes = 512 << 20;   // of all strings and lists together: time and memory
};

// The names that one block of the template has given a meaning.
struct Scope {
  Scope* parent = nullptr;
  bool captured = false;  // a macro was defined within: outlives its block
  std::vector<std::pair<std::string_view, Value>> names;

  Value* Find(std::string_view name);
  void Set(std::string_view name, Value value);
};

struct Callable final : Object {
  std::string_view name;
  // A macro or a call block, and the scope around it.
  const Node* macro = nullptr;
  Scope* around = nullptr;
  // Or a function or method.
  Builtin builtin = nullptr;
  Value receiver;
};

// The variable `loop` and the items behind it. Items are filtered one by one as the loop asks for
// them, since the body may change what the filter sees.
struct Loop final : Object {
  std::vector<Value> items;
  size_t next = 0;
  int64_t index0 = -1;
  std::optional<int64_t> length;  // known at the start unless there is a filter
  const Node* filter = nullptr;
  const Node* target = nullptr;
  Scope* around = nullptr;
  std::optional<Value> ahead;
  Value current;
  Value previous;
  std::optional<Value> last_changed;
};

class Renderer {
 public:
  Renderer(const RenderLimits& limits, const std::optional<CivilTime>& now);
  Renderer(const Renderer&) = delete;
  ~Renderer();

  void SetGlobal(std::string_view name, Value value) { globals_.Set(name, std::move(value)); }
  // Renders once. InvalidArgument: what the template refuses (raise_exception) or an error in it,
  // with line and column. ResourceExhausted: a limit was reached.
  absl::StatusOr<Text> Render(const Node& root);

  // For filters, tests and methods.
  bool ok() const { return status_.ok(); }
  // Always returns undefined, so that builtins can `return renderer.Fail(...)`.
  Value Fail(std::string_view what);
  Value Charge(uint64_t steps);
  const std::optional<CivilTime>& now() const { return now_; }

  Value NewString(Text text);
  Value NewSequence(SequenceKind kind, std::vector<Value> items);
  Value NewDict(std::vector<std::pair<Value, Value>> entries);
  Value NewNamespace(std::vector<std::pair<Value, Value>> attributes);
  // Python's str(). Refuses what has no text that means anything: functions, generators,
  // namespaces.
  Text Str(const Value& value);
  std::vector<Value> Iterate(const Value& value);
  bool Contains(const Value& container, const Value& item);
  bool SameValue(const Value& a, const Value& b);
  bool IsLess(const Value& a, const Value& b);
  Value Attribute(const Value& object, std::string_view name);
  Value Item(const Value& object, const Value& key);
  Value Binary(std::string_view op, const Value& left, const Value& right);
  Value ApplyFilter(std::string_view name, const Value& input, const Arguments& arguments);
  bool ApplyTest(std::string_view name, const Value& input, const Arguments& arguments);
  Value LoopCycle(const Value& loop, const Arguments& arguments);
  Value LoopChanged(const Value& loop, const Arguments& arguments);

 private:
  enum class Flow : uint8_t { kNext, kBreak, kContinue };

  // Statements: jinja_renderer.cc.
  Flow Execute(const Node& node);
  Flow ExecuteAll(const std::vector<NodePtr>& nodes);
  Flow ExecuteIf(const Node& node);
  void ExecuteFor(const Node& node);
  void RunLoop(const Node& node, const Value& loop_value, Loop& loop);
  std::optional<Value> Advance(Loop& loop);
  void ExecuteSet(const Node& node);
  void ExecuteWith(const Node& node);
  void ExecuteCallBlock(const Node& node);
  void Assign(const Node& target, Value value);
  Value RenderBlock(const Node& block);
  void Write(const Text& text);
  Value MakeMacro(const Node& node);

  // Expressions: jinja_evaluator.cc.
  Value Evaluate(const Node& node);
  Value EvaluateNode(const Node& node);
  Value EvaluateName(const Node& node);
  Value EvaluateDict(const Node& node);
  Value EvaluateSlice(const Node& node);
  Value EvaluateCall(const Node& node, const Value* caller);
  Value EvaluateCompare(const Node& node);
  Value EvaluateFilter(const Node& node, Value input);
  Value ApplyFilterChain(const Node& node, Value input);
  Value EvaluateSign(const Node& node);
  Value EvaluateConcat(const Node& node);
  bool Compare(std::string_view op, const Value& left, const Value& right);
  Value Arithmetic(std::string_view op, const Value& left, const Value& right);
  Value IntegerArithmetic(std::string_view op, int64_t left, int64_t right, Origin origin);
  Value Repeat(const Value& value, int64_t times);
  Value Call(const Value& callee, Arguments arguments, const Value* caller);
  Value CallMacro(const Callable& macro, Arguments& arguments, const Value* caller);
  void BindParameters(const Callable& macro, Arguments& arguments, const Value* caller);
  Arguments EvaluateArguments(const Node& node);
  Value LoopAttribute(Loop& loop, std::string_view name);
  Value Bind(const Value& receiver, std::string_view name, Builtin builtin);

  // A scope for the time of a block.
  class Entered;
  // One level of recursion; fails when there are too many.
  class Descent;

  const RenderLimits limits_;
  const std::optional<CivilTime> now_;
  absl::Status status_;
  uint64_t steps_ = 0;
  size_t made_bytes_ = 0;
  int depth_ = 0;
  Place place_;
  Scope globals_;
  Scope* scope_ = &globals_;
  Text* output_ = nullptr;
  std::vector<std::unique_ptr<Scope>> captured_;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
};

}  // namespace cairn::jinja
