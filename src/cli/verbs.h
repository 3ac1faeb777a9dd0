#pragma once
// One function per verb or noun, each in the file of its name, that adds it to the command line.

#include <CLI/CLI.hpp>
#include <functional>
#include <span>
#include <string>

#include "cli/secret_input.h"
#include "cli/session.h"

namespace cli {

// Programs that stay up. The verb only says which one: it runs when the command line's own memory is given back.
using Program = std::function<int()>;  // returns the exit code
void add_serve(CLI::App& app, Program& program);
void add_demo(CLI::App& app, Program& program);
void add_demo_upstream(CLI::App& app, Program& program);

// Calls of the admin API.
void add_accounts(CLI::App& app, Session& session);
void add_keys(CLI::App& app, Session& session);
void add_limits(CLI::App& app, Session& session);
void add_limiters(CLI::App& app, Session& session);
void add_explain(CLI::App& app, Session& session);
void add_quote(CLI::App& app, Session& session);
void add_events(CLI::App& app, Session& session);
void add_upstreams(CLI::App& app, Session& session, const ReadSecret& read_secret);
void add_users(CLI::App& app, Session& session, const ReadSecret& read_secret);
void add_audit(CLI::App& app, Session& session);
void add_usage(CLI::App& app, Session& session);
void add_credits(CLI::App& app, Session& session);
void add_unresolved(CLI::App& app, Session& session);
void add_doctor(CLI::App& app, Session& session);

void add_backup(CLI::App& app, Session& session);

// Neither.
void add_restore(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code);
void add_check(CLI::App& app, std::ostream& out, int& exit_code);
void add_tokens(CLI::App& app, std::istream& input, std::ostream& out, std::ostream& err, int& exit_code);
void add_prices(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code);
void add_meter(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code);
void add_version(CLI::App& app, std::ostream& out);
void add_completion(CLI::App& app, std::ostream& out);

// What may stand for the last of these words, of a command line without its first: a line each, a tab before what it is
// for. Nothing: the shell's own files may.
void complete(const CLI::App& app, std::span<const std::string> words, std::ostream& out);

// Parses and runs a command line, or completes it for a shell (`__complete WORD…`); returns the exit code: 2 if it was
// not understood, else what `exit_code` holds when the command has run.
int run(CLI::App& app, int argc, const char* const* argv, std::ostream& out, std::ostream& err, const int& exit_code);

}  // namespace cli
