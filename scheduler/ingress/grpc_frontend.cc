#include "scheduler/ingress/grpc_frontend.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <utility>

#include "kvstore/base/prng.h"
#include "kvstore/shell/mutex.h"
#include "scheduler/ingress/grpc_call.h"
#include "scheduler/ingress/grpc_request.h"
#include "scheduler/ingress/service_terms.h"
#include "scheduler/ingress/status_map.h"
#include "scheduler/ingress/work_thread.h"
#include "scheduler/operator/text_cat.h"

namespace cairn {
namespace {

constexpr char kServiceName[] = "cairn.v1.Inference";

std::string_view Metadata(const grpc::CallbackServerContext& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return {};
  return {found->second.data(), found->second.size()};
}

// gRPC's own deadline of the call: behind it nobody listens.
void TightenDeadline(std::chrono::system_clock::time_point deadline, GenerationRequest& options) {
  if (deadline == std::chrono::system_clock::time_point::max()) return;
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
      deadline - std::chrono::system_clock::now());
  const Duration own = Nanoseconds(std::max<int64_t>(1, left.count()));
  if (own > Milliseconds(kTermMsMax)) return;
  options.deadline = options.deadline == Duration() ? own : std::min(options.deadline, own);
}

class InferenceService : public GrpcFrontend, public v1::Inference::CallbackService {
 public:
  InferenceService(GrpcConfig config, std::vector<std::shared_ptr<const ServedModel>> models,
                   GenerationPort& port, const Clock& clock, FrontDoorMetrics& metrics)
      : config_(std::move(config)),
        models_(std::move(models)),
        port_(port),
        clock_(clock),
        metrics_(metrics) {}
  ~InferenceService() override { Stop(Duration()); }

  absl::Status Open() {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    const std::string address = TextCat(config_.host, ":", config_.port);
    // Without it two servers share a port, and requests go to either.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.SetMaxReceiveMessageSize(static_cast<int>(config_.message_bytes));
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &bound_port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || bound_port_ == 0) {
      return absl::UnavailableError(
          TextCat("cannot listen on ", address, " for gRPC; choose another with --grpc-port"));
    }
    SetServing(true);
    return absl::OkStatus();
  }

  uint16_t port() const override { return static_cast<uint16_t>(bound_port_); }
  void SetServing(bool serving) override {
    if (server_ == nullptr || server_->GetHealthCheckService() == nullptr) return;
    server_->GetHealthCheckService()->SetServingStatus(kServiceName, serving && !draining_);
    server_->GetHealthCheckService()->SetServingStatus(serving && !draining_);
  }
  void StartDrain() override {
    draining_ = true;
    SetServing(false);
  }
  bool Stop(Duration at_most) override {
    if (server_ == nullptr) return true;
    StartDrain();
    bool clean;
    {
      MutexLock lock(mutex_);
      clean = call_over_.AwaitFor(lock, at_most, [this] { return calls_.empty(); });
    }
    server_->Shutdown(std::chrono::system_clock::now());  // cancels what is left
    server_->Wait();
    server_.reset();
    return clean;
  }

  grpc::ServerWriteReactor<v1::GenerateReply>* Generate(
      grpc::CallbackServerContext* context, const v1::GenerateRequest* request) override {
    const uint64_t number = next_call_.fetch_add(1);
    absl::StatusOr<std::string> tenant = Authenticate(*context);
    std::string id = request->request_id();
    if (id.empty() || id.size() > 128) {
      id = TextCat(config_.server_nonce, "g", absl::Hex(number, absl::kZeroPad8));
    }
    const std::string key = TextCat(tenant.ok() ? *tenant : "", "/", id);
    auto call = std::make_shared<GrpcCall>(HouseOf(key), context, id);
    if (!tenant.ok()) {
      call->Refuse(tenant.status());
      return call.get();
    }
    if (absl::Status admitted = Admit(key, call); !admitted.ok()) {
      call->Refuse(admitted);
      return call.get();
    }
    const auto model = FindModel(request->model());
    absl::StatusOr<OpenAiCall> read =
        model.ok() ? ReadGenerateRequest(
                         *request, **model, config_.call,
                         Prng(number ^ static_cast<uint64_t>(clock_.Now().nanoseconds())).Next())
                   : absl::StatusOr<OpenAiCall>(model.status());
    absl::Status readable = read.status();
    if (read.ok()) readable = CheckClass(config_.classes, "latency_class", read->options);
    if (!readable.ok()) {
      call->Refuse(readable);
      return call.get();
    }
    TightenDeadline(context->deadline(), read->options);
    read->options.tenant = *tenant;
    if (!tenant->empty() && !config_.tenants_share_cache) {
      read->options.cache_salt = TextCat(*tenant, ":", read->options.cache_salt);
    }
    call->Start(*std::move(read), *model);
    return call.get();
  }

  grpc::ServerUnaryReactor* Cancel(grpc::CallbackServerContext* context,
                                   const v1::CancelRequest* request,
                                   v1::CancelReply* reply) override {
    return Answer(context, [&](const std::string& tenant) {
      std::shared_ptr<GrpcCall> call;
      {
        MutexLock lock(mutex_);
        const auto found = calls_.find(TextCat(tenant, "/", request->request_id()));
        if (found != calls_.end()) call = found->second.lock();
      }
      reply->set_found(call != nullptr);
      if (call != nullptr) call->CancelWith(absl::CancelledError("cancelled by Cancel"));
      return absl::OkStatus();
    });
  }

  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const v1::ListModelsRequest*,
                                       v1::ListModelsReply* reply) override {
    return Answer(context, [&](const std::string&) {
      for (const auto& model : models_) {
        v1::Model& out = *reply->add_models();
        out.set_name(model->name);
        out.set_context_length(model->context_length);
        out.set_vocabulary_size(model->vocabulary_size);
      }
      return absl::OkStatus();
    });
  }

  grpc::ServerUnaryReactor* Tokenize(grpc::CallbackServerContext* context,
                                     const v1::TokenizeRequest* request,
                                     v1::TokenizeReply* reply) override {
    return Answer(context, [&](const std::string&) -> absl::Status {
      const auto model = FindModel(request->model());
      if (!model.ok()) return model.status();
      const auto tokens = (*model)->text->Encode(request->text());
      if (!tokens.ok()) return tokens.status();
      reply->mutable_tokens()->Add(tokens->begin(), tokens->end());
      return absl::OkStatus();
    });
  }

  grpc::ServerUnaryReactor* Detokenize(grpc::CallbackServerContext* context,
                                       const v1::DetokenizeRequest* request,
                                       v1::DetokenizeReply* reply) override {
    return Answer(context, [&](const std::string&) -> absl::Status {
      const auto model = FindModel(request->model());
      if (!model.ok()) return model.status();
      const auto stream = (*model)->text->NewStream(true);
      for (const int32_t token : request->tokens()) stream->Feed(token, *reply->mutable_text());
      stream->Finish(*reply->mutable_text());
      return absl::OkStatus();
    });
  }

 private:
  GrpcCall::House HouseOf(const std::string& key) {
    return {.port = &port_,
            .metrics = &metrics_,
            .clock = &clock_,
            .replies_unsent = config_.replies_unsent,
            .post = [this](std::function<void()> work) { thread_.Post(std::move(work)); },
            .over =
                [this, key](const GrpcCall* call) {
                  MutexLock lock(mutex_);
                  const auto found = calls_.find(key);
                  // A refused twin of a live call must not take it away.
                  if (found != calls_.end() && found->second.lock().get() == call)
                    calls_.erase(found);
                  if (calls_.empty()) call_over_.Notify();
                }};
  }

  absl::Status Admit(const std::string& key, const std::shared_ptr<GrpcCall>& call) {
    if (draining_) return absl::UnavailableError("the server is draining; ask another one");
    if (metrics_.calls_in_flight > config_.calls_in_flight) {
      return absl::ResourceExhaustedError(
          TextCat("more than ", config_.calls_in_flight, " calls are in flight"));
    }
    MutexLock lock(mutex_);
    if (!calls_.emplace(key, call).second) {
      return absl::AlreadyExistsError("request_id: a call with this id is in flight");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Authenticate(const grpc::CallbackServerContext& context) const {
    return config_.keys.Authenticate(Metadata(context, "authorization"),
                                     Metadata(context, "x-api-key"));
  }

  absl::StatusOr<std::shared_ptr<const ServedModel>> FindModel(std::string_view name) const {
    if (name.empty()) return models_.front();
    for (const auto& model : models_) {
      if (model->name == name) return model;
    }
    return absl::NotFoundError(TextCat("model: \"", name.substr(0, 128), "\" is not served here"));
  }

  template <typename Work>
  grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, Work work) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    const absl::StatusOr<std::string> tenant = Authenticate(*context);
    reactor->Finish(ToGrpcStatus(tenant.ok() ? work(*tenant) : tenant.status(), context));
    return reactor;
  }

  const GrpcConfig config_;
  const std::vector<std::shared_ptr<const ServedModel>> models_;
  GenerationPort& port_;
  const Clock& clock_;
  FrontDoorMetrics& metrics_;
  std::atomic<uint64_t> next_call_{1};
  std::atomic<bool> draining_{false};
  int bound_port_ = 0;
  Mutex mutex_;
  Wakeup call_over_;
  std::map<std::string, std::weak_ptr<GrpcCall>> calls_ ABSL_GUARDED_BY(mutex_);
  WorkThread thread_{"cairn-grpc"};
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcFrontend>> StartGrpcFrontend(
    GrpcConfig config, std::vector<std::shared_ptr<const ServedModel>> models, GenerationPort& port,
    const Clock& clock, FrontDoorMetrics& metrics) {
  auto service = std::make_unique<InferenceService>(std::move(config), std::move(models), port,
                                                    clock, metrics);
  if (absl::Status opened = service->Open(); !opened.ok()) return opened;
  return service;
}

}  // namespace cairn
