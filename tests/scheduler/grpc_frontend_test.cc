// The gRPC front door over loopback, with an echo instead of a scheduler.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "kvstore/shell/system_clock.h"
#include "proto/inference.grpc.pb.h"
#include "scheduler/ingress/grpc_frontend.h"
#include "tests/scheduler/echo_port.h"
#include "tests/scheduler/letter_model.h"

namespace cairn {
namespace {

class GrpcHouse {
 public:
  explicit GrpcHouse(GrpcConfig config = {}) : echo_(kLetterEnd) {
    config.port = 0;
    auto frontend = StartGrpcFrontend(std::move(config), {LetterModel()}, echo_, clock_, metrics_);
    REQUIRE(frontend.ok());
    frontend_ = *std::move(frontend);
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(frontend_->port()),
                                   grpc::InsecureChannelCredentials());
    stub_ = v1::Inference::NewStub(channel_);
  }

  EchoPort& echo() { return echo_; }
  GrpcFrontend& frontend() { return *frontend_; }
  v1::Inference::Stub& stub() { return *stub_; }
  FrontDoorMetrics& metrics() { return metrics_; }
  template <typename Condition>
  void Await(Condition condition) {
    while (!condition()) std::this_thread::yield();
  }
  // Starts a call, runs the engine until nothing lives, and gathers all replies.
  grpc::Status Run(const v1::GenerateRequest& request, std::vector<v1::GenerateReply>& replies,
                   const std::string& key = "") {
    grpc::ClientContext context;
    if (!key.empty()) context.AddMetadata("authorization", "Bearer " + key);
    auto stream = stub_->Generate(&context, request);
    std::thread engine([this] {
      Await([this] { return over_ || echo_.Step(); });
      while (echo_.Step()) {
      }
    });
    v1::GenerateReply reply;
    while (stream->Read(&reply)) replies.push_back(reply);
    over_ = true;
    engine.join();
    over_ = false;
    return stream->Finish();
  }

 private:
  SystemClock clock_;
  EchoPort echo_;
  FrontDoorMetrics metrics_;
  std::atomic<bool> over_{false};
  std::unique_ptr<GrpcFrontend> frontend_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Inference::Stub> stub_;
};

std::string TextOf(const std::vector<v1::GenerateReply>& replies, uint32_t choice = 0) {
  std::string text;
  for (const v1::GenerateReply& reply : replies) {
    if (reply.has_delta() && reply.delta().choice() == choice) text += reply.delta().text();
  }
  return text;
}

TEST_CASE("text goes in, tokens and text come out, with usage first and the reason last") {
  GrpcHouse house;
  v1::GenerateRequest request;
  request.set_text("0123456789abcdef");
  request.set_max_tokens(100);
  request.set_top_logprobs(2);
  std::vector<v1::GenerateReply> replies;
  REQUIRE(house.Run(request, replies).ok());
  REQUIRE(replies.size() >= 3);
  CHECK(replies.front().started().prompt_tokens() == 17);
  CHECK(replies.front().started().cached_device_tokens() == 16);
  CHECK(replies[1].delta().tokens(0).top_logprobs_size() == 2);
  CHECK(replies.back().finished().reason() == v1::FINISH_REASON_STOP);
  CHECK(replies.back().finished().completion_tokens() == 17);
  CHECK(TextOf(replies) == "0123456789abcdef");
}

TEST_CASE("chat, choices and stop strings work as over HTTP") {
  GrpcHouse house;
  v1::GenerateRequest request;
  v1::Message& message = *request.mutable_chat()->add_messages();
  message.set_role("user");
  message.set_content("hello there");
  request.set_choices(3);
  request.add_stop("o t");
  std::vector<v1::GenerateReply> replies;
  REQUIRE(house.Run(request, replies).ok());
  for (uint32_t choice = 0; choice < 3; ++choice) CHECK(TextOf(replies, choice) == "user:hell");
}

TEST_CASE("what is wrong is named, and is not retried as if it were load") {
  GrpcHouse house;
  std::vector<v1::GenerateReply> replies;
  v1::GenerateRequest request;
  grpc::Status status = house.Run(request, replies);
  CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  request.set_text("a");
  request.set_temperature(3);
  status = house.Run(request, replies);
  CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(status.error_message().find("temperature") != std::string::npos);
  request.set_temperature(0);
  request.set_model("gpt");
  CHECK(house.Run(request, replies).error_code() == grpc::StatusCode::NOT_FOUND);
  house.echo().RefuseWith({absl::ResourceExhaustedError("full"), Milliseconds(1500)});
  request.set_model("");
  CHECK(house.Run(request, replies).error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK(replies.empty());
}

TEST_CASE("a call that is cancelled, or whose deadline passes, is cancelled below") {
  GrpcHouse house;
  v1::GenerateRequest request;
  request.set_text("abc");
  request.set_ignore_eos(true);
  request.set_max_tokens(4000);
  grpc::ClientContext context;
  SECTION("by the client") {
    auto stream = house.stub().Generate(&context, request);
    house.Await([&] { return house.echo().live() == 1; });
    house.echo().Step();
    v1::GenerateReply reply;
    REQUIRE(stream->Read(&reply));
    context.TryCancel();
    while (stream->Read(&reply)) {
    }
    CHECK(stream->Finish().error_code() == grpc::StatusCode::CANCELLED);
  }
  SECTION("by its deadline") {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
    auto stream = house.stub().Generate(&context, request);
    v1::GenerateReply reply;
    while (stream->Read(&reply)) {
    }
    CHECK(stream->Finish().error_code() == grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  SECTION("by Cancel") {
    request.set_request_id("mine");
    auto stream = house.stub().Generate(&context, request);
    house.Await([&] { return house.echo().live() == 1; });
    grpc::ClientContext other;
    v1::CancelRequest cancel;
    cancel.set_request_id("mine");
    v1::CancelReply found;
    REQUIRE(house.stub().Cancel(&other, cancel, &found).ok());
    CHECK(found.found());
    v1::GenerateReply reply;
    while (stream->Read(&reply)) {
    }
    CHECK(stream->Finish().error_code() == grpc::StatusCode::CANCELLED);
  }
  house.Await([&] { return house.metrics().calls_in_flight == 0; });
  house.Await([&] { return !house.echo().Step(); });
  CHECK(house.echo().cancelled() == 1);
}

TEST_CASE("what a request asks of time reaches the scheduler, the tighter deadline of two") {
  GrpcHouse house;
  v1::GenerateRequest request;
  request.set_text("abc");
  request.set_latency_class("batch");
  request.set_slo_ttft_ms(700);
  request.set_slo_tpot_ms(30);
  request.set_deadline_ms(9000);
  request.set_session("s1");
  request.set_priority(-2);
  const Duration call_deadline = GENERATE(Duration(), Seconds(60), Seconds(4));
  grpc::ClientContext context;
  if (call_deadline > Duration()) {
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::nanoseconds(call_deadline.nanoseconds()));
  }
  auto stream = house.stub().Generate(&context, request);
  house.Await([&] { return house.echo().live() == 1; });
  const GenerationRequest seen = house.echo().LiveRequests().front();
  CHECK(seen.latency_class == "batch");
  CHECK(seen.slo == SloTarget{Milliseconds(700), Milliseconds(30)});
  CHECK(seen.session == "s1");
  CHECK(seen.priority == -2);
  if (call_deadline == Seconds(4)) {
    CHECK(seen.deadline > Seconds(3));
    CHECK(seen.deadline < Seconds(5));  // gRPC sends it rounded up
  } else {
    CHECK(seen.deadline == Seconds(9));
  }
  while (house.echo().Step()) {
  }
  v1::GenerateReply reply;
  while (stream->Read(&reply)) {
  }
  CHECK(stream->Finish().ok());
}

TEST_CASE("a class that nobody knows, or a time beyond all bounds, is named") {
  GrpcHouse house;
  std::vector<v1::GenerateReply> replies;
  v1::GenerateRequest request;
  request.set_text("abc");
  request.set_latency_class("asap");
  grpc::Status status = house.Run(request, replies);
  CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(status.error_message().find("asap") != std::string::npos);
  request.clear_latency_class();
  request.set_deadline_ms(0xffffffff);
  status = house.Run(request, replies);
  CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(status.error_message().find("deadline_ms") != std::string::npos);
}

TEST_CASE("keys are asked for in metadata") {
  GrpcConfig config;
  config.keys = *ApiKeys::Parse({"team:secret"});
  GrpcHouse house(std::move(config));
  v1::GenerateRequest request;
  request.set_text("abc");
  std::vector<v1::GenerateReply> replies;
  CHECK(house.Run(request, replies).error_code() == grpc::StatusCode::UNAUTHENTICATED);
  CHECK(house.Run(request, replies, "secret").ok());
}

TEST_CASE("models are listed; text becomes tokens and text again") {
  GrpcHouse house;
  grpc::ClientContext list_context, tokenize_context, detokenize_context;
  v1::ListModelsReply models;
  REQUIRE(house.stub().ListModels(&list_context, {}, &models).ok());
  CHECK(models.models(0).name() == "letters");
  v1::TokenizeRequest text;
  text.set_text("h\xC3\xA9");
  v1::TokenizeReply tokens;
  REQUIRE(house.stub().Tokenize(&tokenize_context, text, &tokens).ok());
  CHECK(tokens.tokens_size() == 4);
  v1::DetokenizeRequest back;
  *back.mutable_tokens() = tokens.tokens();
  v1::DetokenizeReply out;
  REQUIRE(house.stub().Detokenize(&detokenize_context, back, &out).ok());
  CHECK(out.text() == "h\xC3\xA9");
}

TEST_CASE("a drain refuses new calls and ends clean when the old ones are done") {
  GrpcHouse house;
  v1::GenerateRequest request;
  request.set_text("abc");
  grpc::ClientContext context;
  auto stream = house.stub().Generate(&context, request);
  house.Await([&] { return house.echo().live() == 1; });
  house.frontend().StartDrain();
  std::vector<v1::GenerateReply> none;
  CHECK(house.Run(request, none).error_code() == grpc::StatusCode::UNAVAILABLE);
  while (house.echo().Step()) {
  }
  v1::GenerateReply reply;
  while (stream->Read(&reply)) {
  }
  CHECK(stream->Finish().ok());
  CHECK(house.frontend().Stop(Seconds(60)));
}

}  // namespace
}  // namespace cairn
