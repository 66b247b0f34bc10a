#include "cli/links.hpp"

#include <sstream>

#include "cli/files.hpp"

namespace quarry::cli {
namespace {

constexpr std::size_t kMostBytes = 1024 * 1024;  // 64 nodes need a quarter of it

}  // namespace

Result<std::vector<Link>> read_links(const std::filesystem::path& file) {
  const auto text = read_file(file, kMostBytes);
  if (!text) return tl::unexpected(text.error());
  std::vector<Link> links;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Link link;
    std::int64_t delay_ms = 0;
    words >> link.from >> link.to >> link.listen >> link.target >> link.cut >> delay_ms >>
        link.loss_percent;
    if (!words) {
      return error(Error::Kind::config,
                   file.string() + ":" + std::to_string(links.size() + 1) + ": no link",
                   "remove the testnet and make it again: quarry testnet down --purge");
    }
    link.delay = std::chrono::milliseconds(delay_ms);
    links.push_back(std::move(link));
  }
  return links;
}

Result<> write_links(const std::filesystem::path& file, const std::vector<Link>& links) {
  std::ostringstream lines;
  for (const Link& link : links) {
    lines << link.from << ' ' << link.to << ' ' << link.listen << ' ' << link.target << ' '
          << link.cut << ' ' << link.delay.count() << ' ' << link.loss_percent << '\n';
  }
  const std::string text = lines.str();
  return replace_file(file, bytes_of(text), 0600);
}

}  // namespace quarry::cli
