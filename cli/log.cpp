#include "cli/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <ctime>

#include "cli/text.hpp"

namespace quarry::cli {
namespace {

class JsonLines : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& to) override {
    using std::chrono::duration_cast, std::chrono::milliseconds;
    const auto ms = duration_cast<milliseconds>(message.time.time_since_epoch()).count();
    const std::time_t seconds = ms / 1000;
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char date[32], line[64];
    std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    std::snprintf(line, sizeof line, "{\"time\":\"%s.%03dZ\",\"level\":\"", date,
                  static_cast<int>(ms % 1000));
    const auto level = spdlog::level::to_string_view(message.level);
    const std::string text = json_string({message.payload.data(), message.payload.size()});
    for (const std::string_view part :
         {std::string_view(line), std::string_view(level.data(), level.size()),
          std::string_view("\",\"text\":"), std::string_view(text), std::string_view("}\n")}) {
      to.append(part.data(), part.data() + part.size());
    }
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonLines>();
  }
};

}  // namespace

Result<> log_to_stderr(const std::string& level, bool json) {
  const auto parsed = spdlog::level::from_str(level);
  if (parsed == spdlog::level::off && level != "off") {
    return error(Error::Kind::usage, "'" + shown(level, 40) + "' is no log level",
                 "use debug, info, warn, error or off");
  }
  const char* no_color = std::getenv("NO_COLOR");
  const bool plain = json || (no_color != nullptr && *no_color != '\0');
  auto logger = plain ? spdlog::stderr_logger_mt("quarry") : spdlog::stderr_color_mt("quarry");
  if (json) {
    logger->set_formatter(std::make_unique<JsonLines>());
  } else {
    logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ %v");
  }
  logger->set_level(parsed);
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  return {};
}

}  // namespace quarry::cli
