#include "scheduler/operator/metrics_page.h"

#include <algorithm>
#include <optional>

#include "scheduler/operator/prometheus_text.h"
#include "scheduler/operator/text_cat.h"

namespace cairn {
namespace {

void AppendFront(const FrontDoorMetrics& front, PrometheusText& page) {
  page.Family("cairn_http_replies_total", "counter", "Answered requests by route and HTTP status.");
  for (size_t route = 0; route < front.replies.size(); ++route) {
    for (size_t code = 0; code < front.replies[route].size(); ++code) {
      const uint64_t count = front.replies[route][code];
      if (count == 0) continue;
      page.Sample(count,
                  {{"route", FrontDoorMetrics::kRouteNames[route]}, {"code", TextCat(code)}});
    }
  }
  page.Gauge("cairn_front_calls", "Generation calls being answered.",
             static_cast<double>(front.calls_in_flight));
  page.Counter("cairn_front_clients_gone_total", "Calls whose client left before the end.",
               front.clients_gone);
  page.Family("cairn_front_choices_ended_total", "counter", "Choices by how they ended.");
  for (size_t i = 0; i < front.choices_ended.size(); ++i) {
    page.Sample(front.choices_ended[i], {{"reason", FrontDoorMetrics::kReasonNames[i]}});
  }
  page.Counter("cairn_front_prompt_tokens_total", "Tokens of prompts.", front.prompt_tokens);
  page.Counter("cairn_front_generation_tokens_total", "Tokens generated.", front.generation_tokens);
  page.Family("cairn_front_cached_tokens_total", "counter",
              "Tokens of prompts whose KV was found, by tier.");
  page.Sample(front.cached_device_tokens, {{"tier", "device"}});
  page.Sample(front.cached_dram_tokens, {{"tier", "dram"}});
  page.Family("cairn_front_time_to_first_token_seconds", "histogram",
              "From the request's last byte to the first token.");
  page.Sample(front.time_to_first_token);
  page.Family("cairn_front_inter_token_seconds", "histogram", "Between tokens of one choice.");
  page.Sample(front.inter_token);
  page.Family("cairn_front_end_to_end_seconds", "histogram",
              "From the request's last byte to the answer's last.");
  page.Sample(front.end_to_end);
}

void AppendScheduler(const SchedulerSnapshot& scheduler, PrometheusText& page) {
  page.Counter("cairn_scheduler_requests_accepted_total", "Requests taken.",
               scheduler.requests_accepted);
  page.Family("cairn_scheduler_requests_shed_total", "counter", "Requests refused, by reason.");
  for (const auto& [reason, count] : scheduler.shed) page.Sample(count, {{"reason", reason}});
  page.Counter("cairn_scheduler_requests_ended_total", "Requests that have ended, however.",
               scheduler.requests_ended);
  page.Counter("cairn_scheduler_requests_cancelled_total", "Requests cancelled.",
               scheduler.requests_cancelled);
  page.Counter("cairn_scheduler_requests_expired_total",
               "Requests that could not meet their deadline.", scheduler.requests_expired);
  page.Gauge("cairn_scheduler_requests_live", "Requests not ended.", scheduler.requests_live);
  page.Gauge("cairn_scheduler_requests_queued", "Requests waiting in the scheduler.",
             scheduler.requests_queued);
}

void AppendClasses(const SchedulerSnapshot& s, PrometheusText& page) {
  const auto by_class = [&](std::string_view name, std::string_view help,
                            uint64_t ClassAttainment::*count) {
    page.Family(name, "counter", help);
    for (const ClassUse& one : s.classes) page.Sample(one.served.*count, {{"class", one.name}});
  };
  const auto by_target = [&](std::string_view name, std::string_view help,
                             uint64_t ClassAttainment::*ttft, uint64_t ClassAttainment::*tpot) {
    page.Family(name, "counter", help);
    for (const ClassUse& one : s.classes) {
      page.Sample(one.served.*ttft, {{"class", one.name}, {"slo", "ttft"}});
      page.Sample(one.served.*tpot, {{"class", one.name}, {"slo", "tpot"}});
    }
  };
  by_class("cairn_scheduler_class_accepted_total", "Requests taken, by latency class.",
           &ClassAttainment::accepted);
  by_class("cairn_scheduler_class_shed_total", "Requests refused, by latency class.",
           &ClassAttainment::shed);
  by_class("cairn_scheduler_class_expired_total",
           "Requests whose deadline passed, by latency class.", &ClassAttainment::expired);
  by_target("cairn_scheduler_slo_attained_total", "First tokens and choices within their target.",
            &ClassAttainment::ttft_attained, &ClassAttainment::tpot_attained);
  by_target("cairn_scheduler_slo_missed_total", "First tokens and choices that came too late.",
            &ClassAttainment::ttft_missed, &ClassAttainment::tpot_missed);
}

// Nothing where there are no names: then all is in the totals.
void AppendTenants(const SchedulerSnapshot& s, PrometheusText& page) {
  if (std::ranges::all_of(s.tenants, [](const TenantUse& t) { return t.name.empty(); })) return;
  const auto by_tenant = [&](std::string_view name, std::string_view type, std::string_view help,
                             auto get) {
    page.Family(name, type, help);
    for (const TenantUse& one : s.tenants) {
      page.Sample(uint64_t{get(one)}, {{"tenant", one.name}});
    }
  };
  by_tenant("cairn_scheduler_tenant_requests_live", "gauge", "Requests not ended, by tenant.",
            [](const TenantUse& t) { return t.live; });
  by_tenant("cairn_scheduler_tenant_requests_queued", "gauge", "Requests waiting, by tenant.",
            [](const TenantUse& t) { return t.queued; });
  by_tenant("cairn_scheduler_tenant_accepted_total", "counter", "Requests taken, by tenant.",
            [](const TenantUse& t) { return t.accepted; });
  by_tenant("cairn_scheduler_tenant_shed_total", "counter", "Requests refused, by tenant.",
            [](const TenantUse& t) { return t.shed; });
  page.Family("cairn_scheduler_tenant_tokens_total", "counter", "Tokens computed, by tenant.");
  for (const TenantUse& one : s.tenants) {
    page.Sample(one.prompt_tokens, {{"tenant", one.name}, {"phase", "prefill"}});
    page.Sample(one.output_tokens, {{"tenant", one.name}, {"phase", "decode"}});
  }
}

// One family of one value a worker.
template <typename Get>
void AppendByWorker(const SchedulerSnapshot& scheduler, std::string_view name,
                    std::string_view type, std::string_view help, PrometheusText& page, Get get) {
  page.Family(name, type, help);
  for (size_t i = 0; i < scheduler.workers.size(); ++i) {
    page.Sample(get(scheduler.workers[i]), {{"worker", TextCat(i)}});
  }
}

void AppendWorkers(const SchedulerSnapshot& s, PrometheusText& page) {
  const auto gauge = [&](std::string_view name, std::string_view help, auto get) {
    AppendByWorker(s, name, "gauge", help, page, get);
  };
  const auto counter = [&](std::string_view name, std::string_view help, auto get) {
    AppendByWorker(s, name, "counter", help, page, get);
  };
  using Load = const WorkerLoad&;
  gauge("cairn_worker_requests_running", "Requests with slots.",
        [](Load w) { return uint64_t{w.requests_running}; });
  gauge("cairn_worker_requests_waiting", "Requests without slots.",
        [](Load w) { return uint64_t{w.requests_waiting}; });
  gauge("cairn_worker_prefill_tokens_left", "Tokens of prompts still to be computed.",
        [](Load w) { return w.prefill_tokens_left; });
  counter("cairn_worker_steps_total", "Passes of the engine.", [](Load w) { return w.steps; });
  counter("cairn_worker_busy_seconds_total",
          "Time of all steps; its rate is the share of busy time.",
          [](Load w) { return w.busy.seconds(); });
  gauge("cairn_worker_last_step_seconds", "Time of the last step.",
        [](Load w) { return w.last_step.seconds(); });
  gauge("cairn_worker_last_step_tokens", "Tokens in the last step.",
        [](Load w) { return uint64_t{w.last_step_tokens}; });
  counter("cairn_worker_preemptions_total", "Sequences put back to the queue for want of slots.",
          [](Load w) { return w.preemptions; });
  gauge("cairn_kv_device_slots", "KV slots of the device tier.",
        [](Load w) { return uint64_t{w.device_slots}; });
  gauge("cairn_kv_device_slots_free", "KV slots never used or evictable at once.",
        [](Load w) { return uint64_t{w.device_slots_free}; });
  gauge("cairn_kv_dram_slots", "KV slots of the DRAM tier.",
        [](Load w) { return uint64_t{w.dram_slots}; });
  gauge("cairn_kv_dram_slots_used", "KV slots of the DRAM tier that hold a block.",
        [](Load w) { return uint64_t{w.dram_slots_used}; });
  counter("cairn_kv_lookup_tokens_total", "Tokens of prompts looked up.",
          [](Load w) { return w.lookup_tokens; });
  page.Family("cairn_kv_hit_tokens_total", "counter", "Tokens of prompts found, by tier.");
  for (size_t i = 0; i < s.workers.size(); ++i) {
    const std::string worker = TextCat(i);
    page.Sample(s.workers[i].hit_device_tokens, {{"tier", "device"}, {"worker", worker}});
    page.Sample(s.workers[i].hit_dram_tokens, {{"tier", "dram"}, {"worker", worker}});
  }
  page.Family("cairn_kv_evicted_blocks_total", "counter", "Blocks dropped from a tier.");
  for (size_t i = 0; i < s.workers.size(); ++i) {
    const std::string worker = TextCat(i);
    page.Sample(s.workers[i].blocks_evicted_device, {{"tier", "device"}, {"worker", worker}});
    page.Sample(s.workers[i].blocks_evicted_dram, {{"tier", "dram"}, {"worker", worker}});
  }
  counter("cairn_kv_demoted_blocks_total", "Blocks moved from the device tier to DRAM.",
          [](Load w) { return w.blocks_demoted; });
  counter("cairn_kv_promoted_blocks_total", "Blocks moved from DRAM to the device tier.",
          [](Load w) { return w.blocks_promoted; });
  counter("cairn_kv_checksum_failures_total", "Blocks whose bytes were not those of their key.",
          [](Load w) { return w.checksum_failures; });
}

void AppendDirectory(const DirectoryUse& directory, PrometheusText& page) {
  page.Gauge("cairn_directory_blocks", "Blocks known to be held by anybody, each counted once.",
             static_cast<double>(directory.blocks));
  page.Gauge("cairn_directory_bytes", "Memory of the directory, however many blocks it knows.",
             static_cast<double>(directory.bytes));
  page.Counter("cairn_directory_resyncs_total",
               "Times that a worker's store was asked again: words of it were missing.",
               directory.resyncs);
  const auto by_worker = [&](std::string_view name, std::string_view help, auto get) {
    page.Family(name, "gauge", help);
    for (size_t i = 0; i < directory.workers.size(); ++i) {
      page.Sample(get(directory.workers[i]), {{"worker", TextCat(i)}});
    }
  };
  using Known = const DirectoryCoverage&;
  by_worker("cairn_directory_worker_blocks", "Blocks that this worker is known to hold.",
            [](Known k) { return k.blocks_known; });
  by_worker("cairn_directory_worker_blocks_forgotten",
            "Blocks of this worker forgotten for want of room in the directory.",
            [](Known k) { return k.blocks_forgotten; });
  by_worker("cairn_directory_worker_gap", "1 while words of this worker's store are missing.",
            [](Known k) { return uint64_t{k.resync_pending}; });
  by_worker("cairn_directory_worker_staleness_seconds",
            "Since the last word of this worker's store.",
            [](Known k) { return k.staleness.seconds(); });
}

// The names that vLLM's dashboards ask for.
std::string VllmFamilies(const MetricsPageInput& input) {
  PrometheusText page({{"model_name", input.model}, {"engine", "0"}});
  const FrontDoorMetrics& front = *input.front;
  uint64_t running = 0, waiting = input.scheduler.requests_queued, preemptions = 0;
  uint64_t slots = 0, slots_free = 0, lookups = 0, hits = 0, dram_hits = 0;
  for (const WorkerLoad& worker : input.scheduler.workers) {
    running += worker.requests_running;
    waiting += worker.requests_waiting;
    preemptions += worker.preemptions;
    slots += worker.device_slots;
    slots_free += worker.device_slots_free;
    lookups += worker.lookup_tokens;
    hits += worker.hit_device_tokens;
    dram_hits += worker.hit_dram_tokens;
  }
  page.Gauge("vllm:num_requests_running", "Requests running.", static_cast<double>(running));
  page.Gauge("vllm:num_requests_waiting", "Requests waiting.", static_cast<double>(waiting));
  page.Gauge(
      "vllm:kv_cache_usage_perc", "KV-cache usage; 1 is all of it.",
      slots == 0 ? 0.0 : static_cast<double>(slots - slots_free) / static_cast<double>(slots));
  page.Counter("vllm:prefix_cache_queries_total", "Tokens looked up.", lookups);
  page.Counter("vllm:prefix_cache_hits_total", "Tokens found on the device.", hits);
  page.Counter("vllm:external_prefix_cache_queries_total", "Tokens looked up below the device.",
               lookups - hits);
  page.Counter("vllm:external_prefix_cache_hits_total", "Tokens found below the device.",
               dram_hits);
  page.Counter("vllm:num_preemptions_total", "Preemptions.", preemptions);
  page.Counter("vllm:prompt_tokens_total", "Prompt tokens.", front.prompt_tokens);
  page.Counter("vllm:generation_tokens_total", "Generated tokens.", front.generation_tokens);
  page.Family("vllm:request_success_total", "counter", "Finished requests.");
  page.Sample(front.choices_ended[0], {{"finished_reason", "stop"}});
  page.Sample(front.choices_ended[1], {{"finished_reason", "length"}});
  page.Sample(front.choices_ended[2], {{"finished_reason", "abort"}});
  page.Family("vllm:time_to_first_token_seconds", "histogram", "Time to first token.");
  page.Sample(front.time_to_first_token);
  page.Family("vllm:inter_token_latency_seconds", "histogram", "Inter-token latency.");
  page.Sample(front.inter_token);
  page.Family("vllm:e2e_request_latency_seconds", "histogram", "End to end latency.");
  page.Sample(front.end_to_end);
  return page.Take();
}

}  // namespace

std::string MetricsPage(const MetricsPageInput& input) {
  PrometheusText page({{"model", input.model}});
  page.Family("cairn_build_info", "gauge", "1, with the version as a label.");
  page.Sample(uint64_t{1}, {{"version", input.version}});
  page.Gauge("cairn_scheduler_ready", "1 if new requests are taken.",
             input.readiness.ready() ? 1 : 0);
  page.Gauge("cairn_http_connections", "Open connections.",
             static_cast<double>(input.http_connections_open));
  page.Counter("cairn_http_connections_accepted_total", "Connections accepted.",
               input.http_connections_accepted);
  page.Counter("cairn_http_connections_refused_total", "Connections refused: too many are open.",
               input.http_connections_refused);
  page.Counter("cairn_http_timeouts_total", "Clients that sent or read too slowly.",
               input.http_timeouts);
  AppendFront(*input.front, page);
  AppendScheduler(input.scheduler, page);
  AppendClasses(input.scheduler, page);
  AppendTenants(input.scheduler, page);
  if (const std::optional<TraceCounts>& trace = input.scheduler.trace) {
    page.Counter("cairn_scheduler_trace_lines_total", "Requests written to the recorded trace.",
                 trace->written);
    page.Counter("cairn_scheduler_trace_dropped_total", "Requests that the trace has lost.",
                 trace->dropped);
  }
  AppendWorkers(input.scheduler, page);
  AppendDirectory(input.scheduler.directory, page);
  std::string text = page.Take();
  if (input.vllm_names) text += VllmFamilies(input);
  return text;
}

}  // namespace cairn
