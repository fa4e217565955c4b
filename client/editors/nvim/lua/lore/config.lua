--- The person's settings: the table `vim.g.lore`, over these defaults.

local DEFAULTS = {
  -- The client, which starts the daemon when none answers.
  command = 'lore',
  -- Start it at all; LORE_NO_AUTOSTART=1 turns it off too.
  autostart = true,
  -- The daemon's socket; nil: where the environment says.
  socket = nil,
  -- The project, where the checkout's remotes do not tell; `b:lore_project`
  -- says it for one buffer.
  project = nil,
  -- At most so many merge requests of a file, 1 to 1,000.
  limit = 50,
}

--- One setting.
return function(name)
  local own = vim.g.lore
  if type(own) == 'table' and own[name] ~= nil then
    return own[name]
  end
  return DEFAULTS[name]
end
