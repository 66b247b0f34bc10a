#include "cli/scenario/report.hpp"

#include <algorithm>

#include "cli/output.hpp"

namespace quarry::cli::scenario {
namespace {

double highest_mib(const Timeline& timeline, const std::string& node) {
  double most = 0;
  for (const Second& second : timeline) {
    for (const Memory& memory : second.memory) {
      if (memory.node == node) most = std::max(most, memory.mib);
    }
  }
  return most;
}

std::string memory_line(const Report& report) {
  std::string line = "memory";
  for (const std::string& node : report.outcome.nodes) {
    line += "  " + node + " " + fixed(highest_mib(report.outcome.timeline, node), 1) + " MiB";
    if (const auto slope = memory_slope(report.outcome.timeline, node)) {
      line += (*slope < 0 ? ", " : ", +") + fixed(*slope, 1) + " KiB/min";
    }
  }
  return line + "\n";
}

// --- The page ------------------------------------------------------------------------------------

// With more seconds than this what happened does not fit beside its lines.
constexpr std::size_t kMostLabelled = 80;
constexpr double kWidth = 1000, kHeight = 200, kLeft = 60, kBottom = 20;

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '<') {
      safe += "&lt;";
    } else if (c == '&') {
      safe += "&amp;";
    } else {
      safe += c;
    }
  }
  return safe;
}

// A drawing over time: a value for each second, between 0 and the highest.
class Chart {
 public:
  Chart(const Timeline& timeline, std::string title, std::string unit, double highest)
      : timeline_(timeline),
        title_(std::move(title)),
        unit_(std::move(unit)),
        highest_(std::max(highest, 1.0)) {}

  template <class ValueOf>
  void line(const std::string& colour, const std::string& name, ValueOf value_of) {
    std::string points;
    for (std::size_t i = 0; i < timeline_.size(); ++i) {
      const double value = value_of(timeline_[i]);
      if (value >= 0) points += fixed(x(i), 1) + "," + fixed(y(value), 1) + " ";
    }
    lines_ += "<polyline fill='none' stroke='" + colour + "' stroke-width='1.5' points='" + points +
              "'><title>" + escaped(name) + "</title></polyline>\n";
  }

  std::string svg() const {
    std::string events;
    for (std::size_t i = 0; i < timeline_.size(); ++i) {
      if (timeline_[i].events.empty()) continue;
      std::string what;
      for (const std::string& event : timeline_[i].events) {
        what += (what.empty() ? "" : "; ") + escaped(event);
      }
      const std::string at = fixed(x(i), 1);
      if (timeline_.size() <= kMostLabelled) {
        events += "<text class='what' transform='translate(" + at + "," + fixed(kHeight - 4, 0) +
                  ") rotate(-90)' dy='-3'>" + what + "</text>";
      }
      events += "<line class='event' x1='" + at + "' x2='" + at + "' y1='0' y2='" +
                fixed(kHeight, 0) + "'><title>" + std::to_string(i + 1) + " s: " + what +
                "</title></line>\n";
    }
    return "<h2>" + title_ + "</h2>\n<svg viewBox='0 0 " + fixed(kLeft + kWidth + 10, 0) + " " +
           fixed(kHeight + kBottom, 0) + "'>\n" + events + lines_ + "<text x='0' y='12'>" +
           fixed(highest_, 0) + " " + unit_ + "</text><text x='0' y='" + fixed(kHeight, 0) +
           "'>0</text><text x='" + fixed(kLeft, 0) + "' y='" + fixed(kHeight + 15, 0) +
           "'>0 s</text><text text-anchor='end' x='" + fixed(kLeft + kWidth, 0) + "' y='" +
           fixed(kHeight + 15, 0) + "'>" + std::to_string(timeline_.size()) + " s</text>\n</svg>\n";
  }

 private:
  // The middle of a second.
  double x(std::size_t second) const {
    return kLeft + kWidth * (static_cast<double>(second) + 0.5) /
                       std::max(1.0, static_cast<double>(timeline_.size()));
  }
  double y(double value) const { return kHeight - kHeight * std::min(value / highest_, 1.0); }

  const Timeline& timeline_;
  std::string title_, unit_;
  double highest_;
  std::string lines_;
};

std::string throughput_chart(const Timeline& timeline) {
  std::size_t most = 0;
  for (const Second& second : timeline) most = std::max(most, second.took_ms.size());
  Chart chart(timeline, "Fetched a second", "", static_cast<double>(most));
  chart.line("#2563eb", "fetched",
             [](const Second& second) { return static_cast<double>(second.took_ms.size()); });
  return chart.svg();
}

std::string latency_chart(const Timeline& timeline) {
  double most = 0;
  for (const Second& second : timeline) most = std::max(most, percentile(second.took_ms, 99));
  Chart chart(timeline, "Time of a fetch: p50 (light), p99", "ms", most);
  const auto of = [](double percent) {
    return [=](const Second& second) {
      return second.took_ms.empty() ? -1 : percentile(second.took_ms, percent);
    };
  };
  chart.line("#f59e0b66", "p50", of(50));
  chart.line("#b45309", "p99", of(99));
  return chart.svg();
}

std::string memory_chart(const Report& report) {
  double most = 0;
  for (const std::string& node : report.outcome.nodes) {
    most = std::max(most, highest_mib(report.outcome.timeline, node));
  }
  Chart chart(report.outcome.timeline, "Memory of each node", "MiB", most);
  for (std::size_t i = 0; i < report.outcome.nodes.size(); ++i) {
    const std::string colour = "hsl(" + std::to_string(i * 137 % 360) + " 60% 45%)";
    chart.line(colour, report.outcome.nodes[i], [&](const Second& second) {
      for (const Memory& memory : second.memory) {
        if (memory.node == report.outcome.nodes[i]) return memory.mib;
      }
      return -1.0;
    });
  }
  return chart.svg();
}

constexpr const char* kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:1080px;margin:2em auto;padding:0 1em}"
    "svg{width:100%;background:#f8fafc}svg text{font-size:12px;fill:#475569}"
    "svg .what{font-size:9px}"
    ".event{stroke:#dc2626;stroke-width:2;opacity:.35}h2{font-size:1em;margin:1.5em 0 .3em}"
    "pre{background:#f8fafc;padding:1em;overflow-x:auto}";

}  // namespace

std::string summary_of(const Report& report) {
  const auto took = all_took_ms(report.outcome.timeline);
  std::string text = "fetched " + std::to_string(took.size()) + ", p50 " +
                     fixed(percentile(took, 50), 1) + " ms, p99 " + fixed(percentile(took, 99), 1) +
                     " ms; afterwards " + (report.lost() ? "looked for all " : "all ") +
                     std::to_string(report.outcome.confirmed) + " confirmed values\n";
  text += memory_line(report);
  for (const std::string& what : report.outcome.wrong) text += "LOST: " + what + "\n";
  if (!report.lost()) text += "nothing was lost\n";
  return text;
}

std::string text_of(const Report& report) {
  std::string text = report.name + ": " + report.title + "\nseed " + std::to_string(report.seed) +
                     ", " + report.world + "\n";
  const Timeline& timeline = report.outcome.timeline;
  for (std::size_t i = 0; i < timeline.size(); ++i) text += line_of(i + 1, timeline[i]) + "\n";
  return text + summary_of(report);
}

std::string html_of(const Report& report) {
  const std::string name = escaped(report.name);
  return "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>" + name +
         "</title><style>" + kStyle + "</style></head><body>\n<h1>" + name + "</h1>\n<p>" +
         escaped(report.title) + " (seed " + std::to_string(report.seed) + ", " + report.world +
         "). Red lines are what happened: point at one.</p>\n" +
         throughput_chart(report.outcome.timeline) + latency_chart(report.outcome.timeline) +
         memory_chart(report) + "<pre>" + escaped(text_of(report)) + "</pre>\n</body></html>\n";
}

std::string json_of(const Report& report) {
  const Timeline& timeline = report.outcome.timeline;
  const auto took = all_took_ms(timeline);
  Json json;
  json.begin().add("scenario", report.name).add("seed", report.seed).add("world", report.world);
  json.add_flag("lost", report.lost()).add("fetched", took.size());
  json.add("confirmed", report.outcome.confirmed);
  json.add_number("p50_ms", percentile(took, 50), 1).add_number("p99_ms", percentile(took, 99), 1);
  json.begin("nodes", '[');
  for (const std::string& node : report.outcome.nodes) {
    json.begin().add("name", node).add_number("most_mib", highest_mib(timeline, node), 1);
    const auto slope = memory_slope(timeline, node);
    if (slope) json.add_number("kib_per_min", *slope, 2);
    json.end();
  }
  json.end().begin("seconds", '[');
  for (const Second& second : timeline) {
    json.begin().add("fetched", second.took_ms.size());
    json.add_number("p99_ms", percentile(second.took_ms, 99), 1).begin("events", '[');
    for (const std::string& event : second.events) json.begin().add("what", event).end();
    json.end().end();
  }
  json.end().begin("wrong", '[');
  for (const std::string& what : report.outcome.wrong) json.begin().add("what", what).end();
  return json.end().end().line();
}

}  // namespace quarry::cli::scenario
