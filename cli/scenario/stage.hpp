// Where a scenario is played: a testnet of its own, the callers, what happens to it, and the look
// at everything in the end. All of it ends with this object; the folder stays, for whoever made it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "bus/context.hpp"
#include "bus/thread.hpp"
#include "cli/scenario/board.hpp"
#include "cli/scenario/caller.hpp"
#include "cli/scenario/script.hpp"
#include "cli/testnet.hpp"

namespace quarry::cli::scenario {

// What came of it.
struct Outcome {
  Timeline timeline;
  std::vector<std::string> nodes;  // that there were at any time
  std::size_t confirmed = 0;       // values, all of which are to be there
  std::vector<std::string> wrong;  // what was lost, or is not as it has to be
};

class Stage {
 public:
  struct Options {
    Script script;
    std::string directory;  // a new one
    std::string image;      // of containers; empty: processes
    std::uint64_t seed = 0;
    int interrupt_fd = -1;
    std::function<void(const std::string&)> tell;  // a line for each second
  };
  explicit Stage(Options options);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // Nothing when it was interrupted.
  Result<std::optional<Outcome>> run();

 private:
  struct Planned {
    Happening happening;
    std::optional<Milliseconds> due;
    std::size_t turn = 0;  // of next
  };

  Result<> set_up();
  Result<> start();
  Result<> start_callers();
  Result<> happen(Milliseconds at);
  Result<> happen(Planned& planned);
  Result<> undo_due(Milliseconds at);
  Result<> cause(const Trouble& trouble);
  Result<> heal();
  void check_values();
  void check_nodes();
  void check_expectations();
  // Trouble about all that is drawn; nothing where nobody may be taken away any more.
  std::optional<Trouble> draw(Planned& planned);
  std::vector<std::string> whom(Planned& planned, Trouble::Kind kind);
  bool runs(const std::string& name);
  void draw_amount(Trouble& trouble);
  void draw_others(Trouble& trouble);
  std::vector<std::string> node_names();
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(random_() % count); }
  void tick();
  // Waits a little; false when it was interrupted.
  bool rest();
  bool rest_until_nothing_is_out();
  Milliseconds elapsed() const;

  Options options_;
  std::mt19937_64 random_;
  Testnet net_;
  std::vector<Planned> plan_;
  std::vector<Testnet::Worker> workers_;
  std::map<std::string, Trouble::Kind> away_;  // who does not run, and what brings it back
  std::multimap<Milliseconds, Trouble> undo_;
  std::shared_ptr<Board> board_;
  std::optional<bus::Context> context_;
  std::unique_ptr<bus::Thread> callers_;
  std::vector<Caller::Options> calling_;
  Time began_{};
  std::size_t ticks_ = 0;
  std::vector<std::string> wrong_;
};

}  // namespace quarry::cli::scenario
