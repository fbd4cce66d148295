#include "scheduler/tokenizer/jinja_renderer.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "kvstore/base/check.h"
#include "scheduler/tokenizer/jinja_scope.h"

namespace cairn::jinja {

Value* Scope::Find(std::string_view name) {
  for (Scope* scope = this; scope != nullptr; scope = scope->parent) {
    for (auto& [known, value] : scope->names) {
      if (known == name) return &value;
    }
  }
  return nullptr;
}

void Scope::Set(std::string_view name, Value value) {
  for (auto& [known, old] : names) {
    if (known == name) {
      old = std::move(value);
      return;
    }
  }
  names.emplace_back(name, std::move(value));
}

Renderer::Renderer(const RenderLimits& limits, const std::optional<CivilTime>& now)
    : limits_(limits), now_(now) {}

// Namespaces may hold themselves and each other; emptied, they let go.
Renderer::~Renderer() {
  for (const std::shared_ptr<Namespace>& name_space : namespaces_) {
    name_space->attributes.entries.clear();
  }
}

Value Renderer::Fail(std::string_view what) {
  if (status_.ok()) status_ = ErrorAt(place_, what);
  return Value();
}

Value Renderer::Charge(uint64_t steps) {
  steps_ = steps > limits_.steps - std::min(steps_, limits_.steps) ? limits_.steps : steps_ + steps;
  if (steps_ >= limits_.steps && status_.ok()) {
    status_ = absl::ResourceExhaustedError(absl::StrCat(
        "chat template, line ", place_.line, ": took more than ", limits_.steps, " steps"));
  }
  return Value();
}

absl::StatusOr<Text> Renderer::Render(const Node& root) {
  Text output;
  output_ = &output;
  {
    Entered scope(*this);
    Execute(root);
  }
  output_ = nullptr;
  if (!status_.ok()) return status_;
  return output;
}

void Renderer::Write(const Text& text) {
  if (!ok()) return;
  if (output_->size() + text.size() > limits_.output_bytes) {
    status_ = absl::ResourceExhaustedError(
        absl::StrCat("chat template: more than ", limits_.output_bytes, " bytes of text"));
    return;
  }
  Charge(1 + text.size() / 32);
  output_->Append(text);
}

Renderer::Flow Renderer::ExecuteAll(const std::vector<NodePtr>& nodes) {
  for (const NodePtr& node : nodes) {
    const Flow flow = Execute(*node);
    if (!ok() || flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Renderer::Flow Renderer::Execute(const Node& node) {
  Descent descent(*this, node.place);
  if (!ok()) return Flow::kNext;
  switch (node.kind) {
    case NodeKind::kText:
      Write(node.constant.text());
      break;
    case NodeKind::kPrint:
      Write(Str(Evaluate(*node.children[0])));
      break;
    case NodeKind::kBlock:
      return ExecuteAll(node.children);
    case NodeKind::kScope: {
      Entered scope(*this);
      return ExecuteAll(node.children);
    }
    case NodeKind::kIf:
      return ExecuteIf(node);
    case NodeKind::kFor:
      ExecuteFor(node);
      break;
    case NodeKind::kSet:
      Assign(*node.children[0], Evaluate(*node.children[1]));
      break;
    case NodeKind::kSetBlock: {
      Value text = RenderBlock(*node.children[2]);
      if (node.children[1] != nullptr) text = ApplyFilterChain(*node.children[1], std::move(text));
      Assign(*node.children[0], std::move(text));
      break;
    }
    case NodeKind::kMacro:
      scope_->Set(node.name, MakeMacro(node));
      break;
    case NodeKind::kCallBlock:
      ExecuteCallBlock(node);
      break;
    case NodeKind::kFilterBlock:
      Write(Str(ApplyFilterChain(*node.children[0], RenderBlock(*node.children[1]))));
      break;
    case NodeKind::kWith:
      ExecuteWith(node);
      break;
    case NodeKind::kBreak:
      return Flow::kBreak;
    case NodeKind::kContinue:
      return Flow::kContinue;
    default:
      CAIRN_CHECK(false);  // expressions are not executed
  }
  return Flow::kNext;
}

Renderer::Flow Renderer::ExecuteIf(const Node& node) {
  size_t i = 0;
  for (; i + 1 < node.children.size(); i += 2) {
    const bool holds = IsTrue(Evaluate(*node.children[i]));
    if (!ok()) return Flow::kNext;
    if (holds) return Execute(*node.children[i + 1]);
  }
  return i < node.children.size() ? Execute(*node.children[i]) : Flow::kNext;
}

Value Renderer::RenderBlock(const Node& block) {
  Text text;
  Text* const outer = output_;
  output_ = &text;
  {
    Entered scope(*this);
    Execute(block);
  }
  output_ = outer;
  return NewString(std::move(text));
}

void Renderer::ExecuteFor(const Node& node) {
  const Value iterable = Evaluate(*node.children[1]);
  auto loop = std::make_shared<Loop>();
  loop->items = Iterate(iterable);
  loop->target = node.children[0].get();
  loop->filter = node.children[2].get();
  loop->around = scope_;
  if (loop->filter == nullptr) loop->length = static_cast<int64_t>(loop->items.size());
  const Value loop_value = Value::Of(Kind::kLoop, loop);
  RunLoop(node, loop_value, *loop);
  if (ok() && loop->index0 < 0 && node.children[4] != nullptr) {
    Entered scope(*this);
    Execute(*node.children[4]);
  }
  // Whoever kept the loop keeps numbers only: no chain of loops holding loops.
  loop->items.clear();
  loop->next = 0;
  loop->filter = nullptr;
  loop->ahead.reset();
  loop->current = loop->previous = Value();
  loop->last_changed.reset();
}

void Renderer::RunLoop(const Node& node, const Value& loop_value, Loop& loop) {
  while (ok()) {
    std::optional<Value> item = std::move(loop.ahead);
    loop.ahead.reset();
    if (!item) item = Advance(loop);
    if (!item) return;
    ++loop.index0;
    loop.previous = std::move(loop.current);
    loop.current = *item;
    Entered scope(*this);
    Assign(*node.children[0], *std::move(item));
    scope_->Set("loop", loop_value);
    if (Execute(*node.children[3]) == Flow::kBreak) return;
  }
}

// The next item that passes the filter.
std::optional<Value> Renderer::Advance(Loop& loop) {
  while (ok() && loop.next < loop.items.size()) {
    Value item = loop.items[loop.next++];
    Charge(1);
    if (loop.filter == nullptr) return item;
    Scope* const outer = scope_;
    scope_ = loop.around;  // the filter sees neither the body's names nor this loop
    bool passes = false;
    {
      Entered scope(*this);
      Assign(*loop.target, item);
      passes = IsTrue(Evaluate(*loop.filter));
    }
    scope_ = outer;
    if (passes && ok()) return item;
  }
  return std::nullopt;
}

void Renderer::Assign(const Node& target, Value value) {
  if (!ok()) return;
  place_ = target.place;
  if (target.kind == NodeKind::kName) {
    scope_->Set(target.name, std::move(value));
  } else if (target.kind == NodeKind::kNamespaceTarget) {
    Value* const holder = scope_->Find(target.names[0]);
    if (holder == nullptr || !holder->Is(Kind::kNamespace)) {
      Fail("cannot assign attribute on non-namespace object");
      return;
    }
    holder->name_space().attributes.Set(Literal(target.names[1]), std::move(value));
  } else {
    const std::vector<Value> parts = Iterate(value);
    if (!ok()) return;
    if (parts.size() != target.children.size()) {
      Fail(absl::StrCat("cannot unpack ", parts.size(), " values into ", target.children.size(),
                        " names"));
      return;
    }
    for (size_t i = 0; i < parts.size(); ++i) Assign(*target.children[i], parts[i]);
  }
}

void Renderer::ExecuteWith(const Node& node) {
  std::vector<Value> values;
  for (size_t i = 2; i < node.children.size(); i += 2)
    values.push_back(Evaluate(*node.children[i]));
  Entered scope(*this);
  for (size_t i = 0; i < values.size(); ++i) Assign(*node.children[1 + 2 * i], values[i]);
  Execute(*node.children[0]);
}

Value Renderer::MakeMacro(const Node& node) {
  auto macro = std::make_shared<Callable>();
  macro->name = node.name;
  macro->macro = &node;
  macro->around = scope_;
  for (Scope* scope = scope_; scope != nullptr; scope = scope->parent) scope->captured = true;
  return Value::Of(Kind::kCallable, std::move(macro));
}

void Renderer::ExecuteCallBlock(const Node& node) {
  const Value caller = MakeMacro(node);
  Write(Str(EvaluateCall(*node.children[0], &caller)));
}

}  // namespace cairn::jinja
