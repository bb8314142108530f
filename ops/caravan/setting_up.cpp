// The commands that need no controller: config check, completion.
#include <cstdio>

#include "ops/caravan/commands.hpp"
#include "ops/caravan/config.hpp"
#include "ops/caravan/text.hpp"

namespace caravan::ops {

int config_check(const std::string& file, const std::string& process) {
    const auto shown = check_config(file, process);
    if (shown) {
        std::fputs(shown->c_str(), stdout);
        return exit_done;
    }
    // The mistakes stand alone on their lines, so that an editor can jump to them.
    std::fprintf(stderr, "%s\n", shown.error().detail.c_str());
    return shown.error().reason == "no_such_file" ? exit_no_such_thing : exit_otherwise;
}

int completion(const std::string& shell, const std::vector<std::string>& commands) {
    const auto words = joined(commands, " ");
    if (shell == "bash")
        std::printf("_caravan() {\n"
                    "    local words=\"%s\"\n"
                    "    [ \"$COMP_CWORD\" -eq 1 ] || return 0\n"
                    "    COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[1]}\"))\n"
                    "}\ncomplete -o default -F _caravan caravan\n", words.c_str());
    else if (shell == "zsh")
        std::printf("#compdef caravan\n_arguments '1:command:(%s)' '*::file:_files'\n", words.c_str());
    else
        std::printf("complete -c caravan -n __fish_use_subcommand -f -a '%s'\n", words.c_str());
    return exit_done;
}

}  // namespace caravan::ops
