# Completion of hooke for fish. Load it now:  hooke completion fish | source
# The program itself says what may come next, so this file never goes stale.

function __hooke_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (command $words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path $current
            case ':folders'
                __fish_complete_directories $current
            case '*'
                echo $line
        end
    end
end

complete --command hooke --no-files --arguments '(__hooke_complete)'
