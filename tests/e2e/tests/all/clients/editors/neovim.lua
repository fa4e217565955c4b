-- Drives the Neovim plugin as a person would, by its commands, and prints what
-- that person saw. What to ask stands in LORE_ASKED.

local asked = vim.json.decode(vim.env.LORE_ASKED)
local PATIENCE_MS = 60000

local seen = {}
local said = {}
vim.notify = function(message)
  said[#said + 1] = message
end

local function fail(why)
  io.stderr:write(why, '\nsaid: ', vim.inspect(said), '\n')
  vim.cmd('cquit')
end

local function wait(what, holds)
  if not vim.wait(PATIENCE_MS, holds, 5) then
    fail('waited in vain for ' .. what)
  end
end

local function text(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer or 0, 0, -1, false), '\n')
end

-- What is said next.
local function told(command)
  said = {}
  vim.cmd(command)
  wait('what `' .. command .. '` says', function()
    return #said > 0
  end)
  return said[1]
end

-- The text of the list that a command opens.
local function listed(command)
  vim.cmd('cclose')
  vim.cmd(command)
  wait('a list by `' .. command .. '`', function()
    return vim.bo.buftype == 'quickfix' or #said > 0
  end)
  return ('%s\n%s'):format(vim.fn.getqflist({ title = 1 }).title, text())
end

local function file()
  vim.cmd('silent! only')
  vim.cmd('edit ' .. asked.file)
end

-- Nothing waits for the daemon: a command is over before its answer is there.
local function opens()
  file()
  seen.history = listed('LoreFileHistory')
  for at, entry in ipairs(vim.fn.getqflist()) do
    if vim.startswith(entry.text, ('!%d '):format(asked.merge_request)) then
      vim.cmd('cc ' .. at)
    end
  end
  wait('a merge request', function()
    return vim.api.nvim_buf_line_count(0) > 1
  end)
  seen.merge_request = ('%s\n%s'):format(vim.api.nvim_buf_get_name(0), text())
  seen.obeyed = vim.bo.textwidth
  seen.writable = vim.bo.modifiable
end

local function picks()
  file()
  local offered
  vim.ui.select = function(items, opts, choose)
    offered = vim.tbl_map(opts.format_item, items)
    choose(items[#items > 1 and 2 or 1])
  end
  vim.cmd('LoreFileHistory!')
  wait('a picked merge request', function()
    return offered and vim.bo.filetype == 'lore' and vim.api.nvim_buf_line_count(0) > 1
  end)
  seen.picked = { offered = #offered, opened = vim.api.nvim_buf_get_lines(0, 0, 1, false)[1] }
end

local function threads()
  file()
  vim.api.nvim_win_set_cursor(0, { asked.line, 0 })
  local window = vim.api.nvim_get_current_win()
  vim.cmd('LoreThreads')
  local function float()
    for _, other in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(other).relative ~= '' then
        return other
      end
    end
  end
  wait('threads', float)
  local marks = {}
  local space = vim.api.nvim_get_namespaces()['lore.threads']
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true })) do
    marks[#marks + 1] = ('%d:%s'):format(mark[2] + 1, mark[4].virt_text[1][1])
  end
  seen.threads = table.concat(marks, '\n') .. '\n\n' .. text(vim.api.nvim_win_get_buf(float()))
  seen.stays = vim.api.nvim_get_current_win() == window
  vim.cmd('normal! gg')
  vim.cmd('doautocmd CursorMoved')
  wait('the end of the window', function()
    return not float()
  end)
  vim.cmd('LoreThreads!')
  seen.marks_left = #vim.api.nvim_buf_get_extmarks(0, space, 0, -1, {})
end

local function syncs()
  file()
  local steps = {}
  vim.api.nvim_create_autocmd('User', {
    pattern = 'LoreSync',
    callback = function()
      steps[#steps + 1] = require('lore').status()
    end,
  })
  -- The reference under the cursor, with a sentence around it.
  vim.api.nvim_buf_set_lines(0, 0, 1, false, { ('(see !%d).'):format(asked.merge_request) })
  vim.cmd('normal! gg0W')
  seen.synced = told('LoreSync')
  seen.steps = steps
  vim.cmd(('LoreSync !%d'):format(asked.held))
  wait('a sync that goes on', function()
    return require('lore').status() ~= ''
  end)
  seen.cancelled = told('LoreCancel')
  seen.status = require('lore').status()
end

local function errs()
  -- A run's name is another one each time.
  seen.missing = told('LoreSync !99999'):gsub('(%-%-run%-id) %w+', '%1 …')
  vim.cmd('enew!')
  seen.no_file = told('LoreFileHistory')
  seen.no_reference = told('LoreSync')
  file()
  vim.b.lore_project = 'no/such'
  seen.unknown = told('LoreFileHistory')
  vim.b.lore_project = nil
end

local function searches()
  file()
  said = {}
  seen.search = listed('LoreSearch ' .. asked.words)
end

local ok, why = xpcall(function()
  opens()
  picks()
  threads()
  searches()
  syncs()
  errs()
end, debug.traceback)
if not ok then
  fail(why)
end
io.stdout:write(vim.json.encode(seen))
vim.cmd('qall!')
