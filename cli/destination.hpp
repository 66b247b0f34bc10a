// Where fetched values go: stdout, a file, a folder with a file for each key, or nowhere.
#pragma once

#include <filesystem>
#include <string>

#include "msg/result.hpp"
#include "msg/types.hpp"

namespace quarry::cli {

class Destination {
 public:
  // `output` is what -o says; empty without it. With JSON lines on stdout, values go there never.
  static Result<Destination> choose(const std::string& output, bool several, bool json);

  Result<> write(const Key& key, ByteView value) const;
  // Where the value of this key is written; empty for stdout and nowhere.
  std::filesystem::path file(const Key& key) const;
  bool is_stdout() const { return kind_ == Kind::out; }
  bool writes() const { return kind_ != Kind::nowhere; }

 private:
  enum class Kind { out, file, folder, nowhere };
  Destination(Kind kind, std::filesystem::path path) : kind_(kind), path_(std::move(path)) {}
  Kind kind_;
  std::filesystem::path path_;
};

}  // namespace quarry::cli
